#!/busybox sh
# The guest's first process: this machine's root, read-only over 9p under a layer in memory, so that the guest has every program and the repository, and changes nothing.
# Then whatever command arrives on the second serial line: a line "ID" runs /share/ID.sh and is answered by "ID EXITCODE".
/busybox mkdir -p /bin /dev /proc /sys /host /layer /root
/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for module in /*.ko; do insmod "$module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro host /host
mount -t tmpfs layer /layer
mkdir /layer/changed /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/changed,workdir=/layer/work root /root
for folder in dev proc sys; do mount --move /$folder /root/$folder; done
mount -t tmpfs run /root/run
mount -t tmpfs tmp /root/tmp
mkdir -p /root/share /root/run/lock
mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none share /root/share
exec chroot /root /bin/sh -c '
  export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
  ip link set lo up; ip address add 10.0.2.15/24 dev eth0; ip link set eth0 up; ip route add default via 10.0.2.2
  stty -F /dev/ttyS1 raw -echo
  exec <>/dev/ttyS1 >&0
  echo ready
  while read -r id; do
    ( sh "/share/$id.sh" </dev/null >"/share/$id.out" 2>&1; echo "$id $?" ) &
  done'
