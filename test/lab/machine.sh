#!/bin/bash
# First process of a machine's mount and process namespace: `machine.sh FOLDER`.
#
# Boots the system that this one is, with its systemd, in a container whose writes go to FOLDER/upper and are gone with it. What
# runs there is what systemd starts on demand, not this machine's services. It waits for its standard input to end, as room.sh does.
set -u
dir=$1

# `kill -1` below is only meant for the processes of a namespace of our own.
[ $$ -eq 1 ] || { echo "not the first process of a process namespace"; exit 1; }
case $dir in */ballonet-lab-*) ;; *) echo "$dir is not a lab's folder"; exit 1 ;; esac

fail() { echo "cannot $1"; exit 1; }
# Overlays do not lie on overlays, as a folder of a container may.
mount -t tmpfs tmpfs "$dir/disk" || fail 'mount a tmpfs'
mkdir "$dir/disk/upper" "$dir/disk/work" "$dir/disk/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$dir/disk/upper,workdir=$dir/disk/work" "$dir/disk/root" || fail 'mount an overlay'

cd "$dir/disk/root" || fail 'enter the root'
: > etc/machine-id
rm -rf etc/systemd/system/*.wants etc/libvirt/qemu/autostart etc/libvirt/qemu/networks/autostart var/log/journal
# What earlier hands may have left, and what keeps packages from starting their services in containers.
rm -rf etc/ballonet etc/default/ballonet var/lib/ballonet usr/sbin/policy-rc.d
# The machine's cgroups are not the container's to change.
echo 'cgroup_controllers = []' >>etc/libvirt/qemu.conf
mkdir -p mnt/deb
cp "$dir"/deb/* mnt/deb/ || fail 'copy the packages'

# With its own network: nothing of the machine's can be reached.
systemd-nspawn --register=no --keep-unit --private-network --quiet --directory="$dir/disk/root" --boot -- \
  --unit=basic.target </dev/null >"$dir/console" 2>&1 &
cd /

echo ready
while read -r _; do :; done

kill -KILL -1
while set -- /proc/[0-9]*; [ $# -gt 1 ]; do sleep 0.02; done
umount -R "$dir/disk"
rm -rf "$dir"
