"""What python3-libvirt sees of a server: prints JSON, or lines for each event."""
import json
import sys
import threading
import time

import libvirt

libvirt.registerErrorHandler(lambda *_: None, None)


def error_of(call):
    try:
        call()
    except libvirt.libvirtError as error:
        return [error.get_error_code(), error.get_error_message()]
    return None


def read(uri):
    conn = libvirt.open(uri)
    domain = conn.lookupByName('vm-1')
    print(json.dumps({
        'names': [d.name() for d in conn.listAllDomains()],
        'ids': conn.listDomainsID(),
        'defined': conn.listDefinedDomains(),
        'type': conn.getType(),
        'uri': conn.getURI(),
        'alive': conn.isAlive(),
        'secure': conn.isSecure(),
        'total': conn.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)['total'],
        'memory': conn.getInfo()[1],
        'state': domain.state(),
        'info': domain.info(),
        'flags': [
            domain.isActive(), domain.isPersistent(), domain.isUpdated(), domain.autostart(),
            domain.hasManagedSaveImage(), domain.hasCurrentSnapshot(),
        ],
        'osType': domain.OSType(),
        'stats': domain.memoryStats(),
        'bulk': [[d.name(), params] for d, params in conn.getAllDomainStats()],
        'running': [
            d.name() for d, _ in conn.getAllDomainStats(
                libvirt.VIR_DOMAIN_STATS_BALLOON, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING)
        ],
    }))
    conn.close()


def change(uri):
    conn = libvirt.open(uri)
    look = libvirt.openReadOnly(uri)
    domain = conn.lookupByName('vm-1')
    domain.setMemoryFlags(1500000, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    domain.setMemoryStatsPeriod(2, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    end = time.monotonic() + 20
    while domain.memoryStats()['actual'] != 1500000 and time.monotonic() < end:
        time.sleep(0.1)
    off = conn.lookupByName('off')
    live = libvirt.VIR_DOMAIN_AFFECT_LIVE
    print(json.dumps({
        'actual': domain.memoryStats()['actual'],
        'period': "<stats period='2'/>" in domain.XMLDesc(),
        'tooMuch': error_of(lambda: domain.setMemoryFlags(10 ** 12, live)),
        'zero': error_of(lambda: domain.setMemoryFlags(0, live)),
        'nobody': error_of(lambda: conn.lookupByName('nobody')),
        'off': error_of(lambda: off.setMemoryFlags(1024, live)),
        'unsupported': error_of(domain.suspend),
        'readOnly': error_of(lambda: look.lookupByName('vm-1').setMemoryFlags(1024, live)),
        'enforced': error_of(lambda: conn.getAllDomainStats(
            libvirt.VIR_DOMAIN_STATS_BLOCK, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ENFORCE_STATS)),
    }))
    conn.close()
    look.close()


def listen(uri):
    libvirt.virEventRegisterDefaultImpl()
    closed = threading.Event()

    def say(*words):
        print(*words, flush=True)

    def on_close(_conn, reason, _opaque):
        say('closed', reason)
        closed.set()

    conn = libvirt.open(uri)
    conn.setKeepAlive(1, 3)
    conn.registerCloseCallback(on_close, None)
    domain = conn.lookupByName('vm-2')
    conn.domainEventRegisterAny(
        None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
        lambda _c, d, event, detail, _o: say('lifecycle', d.name(), event, detail), None)
    conn.domainEventRegisterAny(
        domain, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE,
        lambda _c, d, event, detail, _o: say('only', d.name(), event, detail), None)
    # The same event can be asked for again only when it has been given up.
    spare = conn.domainEventRegisterAny(
        None, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, lambda _c, d, _o: say('spare', d.name()), None)
    conn.domainEventDeregisterAny(spare)
    conn.domainEventRegisterAny(
        None, libvirt.VIR_DOMAIN_EVENT_ID_REBOOT, lambda _c, d, _o: say('reboot', d.name()), None)
    conn.domainEventRegisterAny(
        None, libvirt.VIR_DOMAIN_EVENT_ID_BALLOON_CHANGE,
        lambda _c, d, actual, _o: say('balloon', d.name(), actual), None)
    conn.lookupByName('vm-1').setMemoryFlags(1200000, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    say('ready')
    while not closed.is_set():
        libvirt.virEventRunDefaultImpl()


{'read': read, 'change': change, 'listen': listen}[sys.argv[1]](sys.argv[2])
