#!/bin/sh
# First process of the guest: a shell on the console, or what `ring1.run=` on the kernel's command line says; then off.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
export PATH=/bin HOME=/ PS1='ring1:\w\$ '
hostname ring1
for word in $(cat /proc/cmdline); do
  case $word in ring1.run=*) task=${word#ring1.run=} ;; esac
done
case $task in
  report)
    echo "report: $(uname -srm)"
    echo "report: $(grep -c ^processor /proc/cpuinfo) processors, $(grep -m1 vendor_id /proc/cpuinfo | cut -d: -f2)"
    grep -q ' hypervisor' /proc/cpuinfo && echo "report: under a hypervisor" || echo "report: on the bare machine"
    echo "report: clock source $(cat /sys/devices/system/clocksource/clocksource0/current_clocksource)"
    echo "report: sum $(seq 1 2000 | sha256sum | cut -c1-16)"
    sleep 0.1 && echo "report: slept"
    ;;
  *)
    echo
    echo "Linux $(uname -r) in a busybox shell. \"poweroff\" powers the machine off."
    setsid cttyhack sh
    ;;
esac
poweroff -f
