import { addressPrefix, gatewayAddress } from './pod-addresses.ts';

/**
 * Makes the bridge of the pods and becomes the relay. Every address but the pods' own is the relay's, on the ports
 * that are open; what is sent to any other vanishes, so that its sender tries again when the port has been opened.
 */
export const networkScript = `
ip=$1; shift
"$ip" -batch - <<END || exit 1
link set lo up
link add pods type bridge
addr add ${gatewayAddress}/16 dev pods
link set pods up
route add local default dev lo table local
rule add pref 5 to ${gatewayAddress} lookup local
rule add pref 10 to ${addressPrefix}.0.0/16 lookup main
rule add pref 30 iif pods blackhole
rule add pref 100 lookup local
rule del pref 0
END
echo 0 > /proc/sys/net/ipv4/ip_forward
for key in all default pods; do echo 1 > /proc/sys/net/ipv4/conf/$key/route_localnet; done
exec "$@"`;

/**
 * Reads lines of commands in the pods' network, answers each with one line, and ends with its input and all networks
 * with it. `attach NUMBER...` makes the networks of so many pods side by side, which is most of what a pod's start
 * costs beside its program; the answer has `NUMBER=PID` for each, the process that holds it. `open PORT` answers `ok`.
 */
export const controlScript = `
ip=$1 unshare=$2 sh=$3 relay=$4
attach() {
  made=$(for number; do
    address=${addressPrefix}.$((number / 250)).$((number % 250 + 2))
    "$unshare" --net "$sh" -c 'echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet
"$1" -batch - <<END && echo "$2=$$" && exec sleep 2147483647 >&- 2>&-
link add eth0 type veth peer name pod$2 netns $4
link set lo up
addr add $3/16 dev eth0
link set eth0 up
route add default via ${gatewayAddress}
route del local 127.0.0.0/8 dev lo table local
route add local 127.0.0.0/16 dev lo table local
END' sh "$ip" "$number" "$address" "$relay" &
  done)
  for one in $made; do all="$all \${one#*=}"; done
  for one in $made; do echo "link set pod\${one%=*} master pods up"; done | "$ip" -batch - && echo $made
}
open() {
  "$ip" rule add pref 20 iif pods ipproto tcp dport "$1" lookup local && echo ok
}
while read -r line; do $line || echo failed; done
for pid in $all; do
  read -r name < /proc/$pid/comm && [ "$name" = sleep ] && kill -9 $pid
done 2>/dev/null`;
