#!/bin/busybox sh
# First process of a lab guest: load the drivers, name the disks by their serial, hand over to the workload.
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
$b mount -t sysfs sys /sys
# What the kernel does not know of its command line, `zram=BYTES`, is in the environment of its first process.
for module in /modules/*.ko ${zram:+/modules/zram/*.ko}; do $b insmod "$module" || echo "ballonet-lab: cannot load $module"; done

for block in /sys/block/vd*; do
  [ -e "$block/serial" ] || continue
  device=/dev/${block##*/}
  case $($b cat "$block/serial") in
    swap) $b mkswap "$device" >/dev/null && $b swapon "$device" ;;
    data) $b mkdir -p /data && $b mount -t ext4 -o noatime "$device" /data ;;
  esac
done

if [ -n "$zram" ]; then
  echo "$zram" >/sys/block/zram0/disksize
  $b mkswap /dev/zram0 >/dev/null && $b swapon /dev/zram0
fi

# Messages of the OOM killer (KERN_INFO) and of the balloon driver belong on the console, those of the boot do not.
$b dmesg -n 8
# The root is a tmpfs: what is deleted here is memory for the guest.
$b rm -rf /modules /init /bin
exec /workload
