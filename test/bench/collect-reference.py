"""A python3-libvirt client for the collection benchmark; its jobs and answers are those of collect-reference.c."""

import json
import os
import resource
import sys
import time

import libvirt

NAMES = (
    "state.state", "state.reason", "balloon.current", "balloon.maximum", "balloon.swap_in", "balloon.swap_out",
    "balloon.major_fault", "balloon.minor_fault", "balloon.unused", "balloon.available", "balloon.usable",
    "balloon.last-update", "balloon.disk_caches", "balloon.hugetlb_pgalloc", "balloon.hugetlb_pgfail", "balloon.rss",
)  # fmt: skip
GROUPS = libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_BALLOON
FLAGS = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE | libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT


def cpu_ms():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1000


def bulk(conn, _domains):
    figures = total = 0
    records = conn.getAllDomainStats(GROUPS, FLAGS)
    for _domain, params in records:
        for name in NAMES:
            value = params.get(name)
            if value is not None:
                figures += 1
                total += value
    return len(records), figures, total


def each(_conn, domains):
    figures = total = 0
    for domain in domains:
        for value in domain.memoryStats().values():
            figures += 1
            total += value
    return len(domains), figures, total


def main():
    conn = libvirt.open(sys.argv[1])
    domains = conn.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
    modes = {"bulk": bulk, "each": each}
    for line in sys.stdin:
        mode, repetitions = line.split()
        seen = [0, 0, 0]
        wall = []
        cpu = cpu_ms()
        for _ in range(int(repetitions)):
            start = time.monotonic()
            seen = [a + b for a, b in zip(seen, modes[mode](conn, domains))]
            wall.append((time.monotonic() - start) * 1000)
        cpu = cpu_ms() - cpu
        answer = {"domains": seen[0], "figures": seen[1], "sum": seen[2], "cpu": cpu, "wall": wall}
        print(json.dumps(answer), flush=True)


try:
    main()
except BrokenPipeError:
    os._exit(1)  # The benchmark has ended before its clients.
