import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Authority, writeKubeconfig } from './certificates.ts'
import type { ControlPlane } from './control-plane.ts'
import type { Ledger } from './ledger.ts'
import { type Machine, startMachine } from './machine.ts'
import type { Network } from './network.ts'
import { type NodeSettings, writeNodeFiles } from './node-files.ts'
import { lastLines } from './server.ts'
import { tool } from './tools.ts'

export interface ClusterNode {
  readonly name: string
  readonly zone: string
  readonly address: string
  /** Resolves when the scheduler may use it. @throws with the end of the kubelet's log */
  ready(): Promise<void>
  /** Runs a program on the node. @returns what it printed */
  run(program: string, ...args: string[]): Promise<string>
  /** @param file an archive of images, as `ctr images import` takes it */
  importImages(file: string): Promise<void>
  /** Pods go on; nobody tells the API server of them. */
  stopKubelet(): Promise<void>
  startKubelet(): Promise<void>
  /** Starts the kubelet anew with how much memory is to be free: with less, it calls the node short of it, and may evict pods.
   *  @param memory as `memory.available` has it: `50Mi`, or `99%` */
  keepFree(memory: string): Promise<void>
  /** Leads what its pods say to one address to another one: both as `host:port`. */
  divert(from: string, to: string): Promise<void>
  /** Cuts the link to everything else, or mends it. */
  unplug(): Promise<void>
  plug(): Promise<void>
  /** As if the current had failed: all processes are gone at once, the disk is there when it is switched on again. */
  powerOff(): Promise<void>
  powerOn(): Promise<void>
}

export interface NodeOptions {
  ledger: Ledger
  network: Network
  authority: Authority
  api: ControlPlane['api']
  name: string
  /** From 1. */
  number: number
  /** Numbers of the other nodes. */
  others: number[]
  zone: string
  labels: Record<string, string>
  settings: Pick<NodeSettings, 'registry' | 'pauseImage' | 'dns'>
}

export async function startNode(options: NodeOptions): Promise<ClusterNode> {
  const { ledger, network, authority, name, number, zone } = options
  const folder = ledger.folderFor(name)
  const cgroup = ledger.cgroup(name)
  const config = async (user: string, subject: string) =>
    writeKubeconfig(
      join(folder, `${user}.kubeconfig`),
      options.api.url,
      authority,
      await authority.issue(`${name}-${user}`, subject),
    )
  const kubeconfig = await config('kubelet', `/O=system:nodes/CN=system:node:${name}`)
  const proxyKubeconfig = await config('proxy', '/CN=system:kube-proxy')
  const address = network.addressOf(number)
  const files = writeNodeFiles(folder, {
    ...options.settings,
    name,
    serving: await authority.issue(`${name}-serving`, `/O=system:nodes/CN=system:node:${name}`, [
      `IP:${address}`,
    ]),
    cgroup,
    pods: network.podsOf(number),
    allPods: network.pods,
    caFile: authority.certFile,
    proxyKubeconfig,
  })
  const [kubelet, proxy] = [await tool('kubelet'), await tool('kube-proxy')]
  const log = (program: string) => join(folder, `${program}.log`)
  let machine: Machine

  const startKubelet = async () => {
    const labels = Object.entries({ ...options.labels, 'topology.kubernetes.io/zone': zone })
    machine.start(
      kubelet,
      [
        ...['--config', files.kubelet, '--kubeconfig', kubeconfig, '--hostname-override', name],
        ...['--node-ip', address, '--node-labels', labels.map(pair => pair.join('=')).join(',')],
      ],
      log('kubelet'),
    )
  }
  const powerOn = async () => {
    machine = await startMachine(folder, 'machine')
    ledger.server(machine.power)
    await network.plug(name, number, machine.pid)
    await machine.run(
      'bash',
      '-euc',
      boot,
      'boot',
      folder,
      address,
      network.address,
      ...options.others.flatMap(other => [network.podsOf(other), network.addressOf(other)]),
    )
    machine.start('containerd', ['--config', files.containerd], log('containerd'))
    for (const end = Date.now() + 180_000; ; await sleep(50)) {
      const up = await machine.run('ctr', 'version').then(
        () => true,
        () => false,
      )
      if (up) break
      if (Date.now() > end)
        throw new Error(`containerd of ${name} does not answer:\n${lastLines(log('containerd'))}`)
    }
    machine.start(proxy, ['--config', files.proxy], log('kube-proxy'))
    await startKubelet()
  }
  const stopKubelet = async () => {
    const pid = machine.find('kubelet')
    if (pid === undefined) return
    process.kill(pid, 'SIGKILL')
    while (existsSync(`/proc/${pid}`)) await sleep(20)
  }
  await powerOn()
  return {
    name,
    zone,
    address,
    async ready() {
      try {
        for (const what of ['create', 'condition=Ready'])
          await options.api.kubectl('wait', `node/${name}`, `--for=${what}`, '--timeout=180s')
      } catch (cause) {
        throw new Error(`${name} is not ready:\n${lastLines(log('kubelet'))}`, { cause })
      }
    },
    run: (program, ...args) => machine.run(program, ...args),
    importImages: async file => void (await machine.run('ctr', '-n', 'k8s.io', 'images', 'import', file)),
    stopKubelet,
    startKubelet,
    async keepFree(memory) {
      const config = JSON.parse(readFileSync(files.kubelet, 'utf8'))
      config.evictionHard['memory.available'] = memory
      writeFileSync(files.kubelet, JSON.stringify(config, null, 2))
      await stopKubelet()
      await startKubelet()
    },
    async divert(from, to) {
      const [host, port] = from.split(':') as [string, string]
      const there = ['-p', 'tcp', '-d', host, '--dport', port]
      const through = ['-j', 'DNAT', '--to-destination', to]
      await machine.run('iptables', '-t', 'nat', '-I', 'PREROUTING', ...there, ...through)
    },
    unplug: () => network.link(name, 'down'),
    plug: () => network.link(name, 'up'),
    powerOff: () => machine.off(),
    powerOn,
  }
}

/** What a machine does before its servers start. Arguments: folder of the node, its address, that of the router, and
 *  for each other node the range of its pods and its address. */
export const boot = `
folder=$1 address=$2 router=$3; shift 3
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/log
mount -t tmpfs -o mode=755 tmpfs /var/lib
for name in containerd kubelet cni; do
  mkdir -p "$folder/lib/$name" "/var/lib/$name"
  mount --bind "$folder/lib/$name" "/var/lib/$name"
done
mount --make-rshared /
ip link set lo up
ip address add "$address/24" dev eth0
ip link set eth0 up
ip route add default via "$router"
while [ $# -gt 0 ]; do ip route add "$1" via "$2"; shift 2; done
echo 1 >/proc/sys/net/ipv4/ip_forward
`
