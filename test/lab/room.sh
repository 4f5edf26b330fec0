#!/bin/bash
# First process of a lab's own mount, network and process namespace: `room.sh LAB_DIR QEMU_WRAPPER`.
#
# It gives libvirtd folders of its own in the places that are compiled into it, then waits for its standard input to
# end. The lab's owner holds the other end, so the end of input means that the owner is done or dead, however it died.
# Then everything in the namespace is killed and the lab's folder removed.
set -u
dir=$1
wrapper=$2

# `kill -1` below is only meant for the processes of a namespace of our own.
[ $$ -eq 1 ] || { echo "not the first process of a process namespace"; exit 1; }
case $dir in */ballonet-lab-*) ;; *) echo "$dir is not a lab's folder"; exit 1 ;; esac

fail() { echo "cannot $1"; exit 1; }
# Also hides D-Bus from libvirtd, which would register the guests with the host's machined and put them in its slices.
mount -t tmpfs -o mode=755 tmpfs /run || fail 'mount a tmpfs on /run'
mkdir /run/libvirt /run/ballonet-lab /run/ballonet-lab/lab
touch /run/ballonet-lab/qemu
for pair in run:/run/libvirt lib:/var/lib/libvirt cache:/var/cache/libvirt log:/var/log/libvirt etc:/etc/libvirt; do
  mount --bind "$dir/${pair%%:*}" "${pair#*:}" || fail "bind ${pair#*:}"
done
mount --bind "$dir" /run/ballonet-lab/lab || fail 'bind the lab'
mount --bind "$wrapper" /run/ballonet-lab/qemu || fail 'bind the QEMU wrapper'

echo ready
while read -r _; do :; done

kill -KILL -1
while set -- /proc/[0-9]*; [ $# -gt 1 ]; do sleep 0.02; done
if [ -s "$dir/pool" ]; then
  pool=$(<"$dir/pool")
  for _ in {1..100}; do rmdir "$pool" 2>/dev/null && break; sleep 0.02; done
fi
rm -rf "$dir"
