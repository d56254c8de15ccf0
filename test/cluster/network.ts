import { readlinkSync } from 'node:fs'
import { networkInterfaces } from 'node:os'
import type { Ledger } from './ledger.ts'
import { run } from './run-program.ts'
import { ready, startServer } from './server.ts'

/** The network of a test cluster: a switch in a namespace of its own, to which this machine and the nodes are linked.
 *  It goes when the process that holds the namespace does, with every address, route and rule. */
export interface Network {
  /** This machine, as nodes and pods see it: API server, registry and broker listen there. */
  readonly address: string
  readonly services: string
  readonly pods: string
  /** @param number of a node, from 1 */
  addressOf(number: number): string
  /** The range of the pods of a node. */
  podsOf(number: number): string
  /** @param pid a process in the network namespace of the node */
  plug(name: string, number: number, pid: number): Promise<void>
  /** Cuts the link of a node, or mends it. */
  link(name: string, state: 'up' | 'down'): Promise<void>
}

export async function makeNetwork(ledger: Ledger): Promise<Network> {
  const holder = ledger.server(
    startServer(ledger.folder, 'unshare', ['--net', '--', 'sleep', 'infinity'], 'network'),
  )
  const inside = (...command: string[]) =>
    run('nsenter', ['--target', `${holder.pid}`, '--net', '--', ...command])
  // It is not in its namespace from the start.
  await ready(holder, () => namespaceOf(holder.pid) !== namespaceOf(process.pid))
  const { prefix, link } = await claim(holder.pid)
  // Or the next cluster could find the name taken: the kernel removes it in its own time.
  ledger.afterwards(() => run('ip', ['link', 'delete', link]).catch(() => {}))
  const address = `${prefix}.0.1`
  await inside('sh', '-ec', 'ip link add bridge type bridge; ip link set bridge up')
  await inside('sh', '-ec', 'ip link set uplink master bridge; ip link set uplink up')
  await run('ip', ['address', 'add', `${address}/24`, 'dev', link])
  await run('ip', ['link', 'set', link, 'up'])
  const services = `${prefix}.128.0/20`
  const addressOf = (number: number) => `${prefix}.0.${10 + number}`
  const podsOf = (number: number) => `${prefix}.${64 + number}.0/24`
  return {
    address,
    services,
    pods: `${prefix}.64.0/18`,
    addressOf,
    podsOf,
    async plug(name, number, pid) {
      const add = ['ip', 'link', 'add', name, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', `${pid}`]
      // Of a machine that was switched off a moment ago.
      await inside('ip', 'link', 'delete', name).catch(() => {})
      await inside(...add)
      await inside('sh', '-ec', `ip link set ${name} master bridge; ip link set ${name} up`)
      // The API server calls services too (admission webhooks, for example): by way of the first node.
      for (const range of number === 1 ? [podsOf(number), services] : [podsOf(number)])
        await run('ip', ['route', 'replace', range, 'via', addressOf(number)])
    },
    link: async (name, state) => void (await inside('ip', 'link', 'set', name, state)),
  }
}

/** A range of addresses that nobody on this machine uses: the name of the link claims it, as no other has the same. */
async function claim(holder: number): Promise<{ prefix: string; link: string }> {
  const taken = Object.values(networkInterfaces()).flatMap(list => (list ?? []).map(({ address }) => address))
  for (let number = 201; number < 255; number++) {
    const [prefix, link] = [`10.${number}`, `dyninka${number}`]
    if (taken.some(address => address.startsWith(`${prefix}.`))) continue
    const peer = ['peer', 'name', 'uplink', 'netns', `${holder}`]
    try {
      await run('ip', ['link', 'add', link, 'type', 'veth', ...peer])
      return { prefix, link }
    } catch (error) {
      if (!String(error).includes('exists')) throw error
    }
  }
  throw new Error('54 test clusters run on this machine')
}

const namespaceOf = (pid: number) => readlinkSync(`/proc/${pid}/ns/net`)
