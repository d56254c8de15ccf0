import { setTimeout as sleep } from 'node:timers/promises'
import { checkBroker } from '../../controller/broker/check/check-broker.ts'
import { Controlled } from '../support/controlled.ts'
import { link } from '../support/link.ts'
import { type BrokerName, startBroker } from './broker.ts'
import { Checker } from './checker.ts'
import { Dataflow } from './dataflow.ts'
import { Faults } from './faults.ts'
import { type LoadedRun, type Report, underLoad } from './under-load.ts'

export interface TortureOptions extends LoadedRun {
  broker: BrokerName
  /** Each zone has a broker of its own. */
  zones?: boolean
  /** Called before what ran is removed, when something was wrong. */
  onFailure?(controlled: Controlled): Promise<void>
}

const nodes = [
  { name: 'one', zone: 'north' },
  { name: 'two', zone: 'north' },
  { name: 'three', zone: 'south' },
]
/** Edges of all kinds: within a zone, between two, from and to where there is no broker. */
const spread = {
  entry: 'north',
  stamp: 'north',
  left: 'south',
  right: 'north',
  join: 'south',
  pulse: 'north',
}
/** Longer than the longest wait of a host that is started again after it has crashed again and again. */
const patienceMs = 60_000
const readyMs = 60_000
/** Where records wait before a function that stalls, many more are inside. */
const fullAftermath = 40_000

/** Dyninka does not run on this broker: there is nothing to torture. */
export class Refused extends Error {
  constructor(broker: BrokerName, cause: Error) {
    super(`Dyninka refuses to run on ${broker}: ${cause.message}`, { cause })
  }
}

/** Tortures a dataflow whose hosts are processes of this machine. */
export async function torture(options: TortureOptions): Promise<Report> {
  await using stack = new AsyncDisposableStack()
  const broker = await startBroker(options.broker, options.queue)
  stack.defer(() => broker.close())
  await checkBroker(broker.url).catch((error: Error) => {
    throw new Refused(options.broker, error)
  })
  const wire = await link(broker.url)
  stack.defer(() => wire.close())
  const zoneBrokers: Record<string, string> = {}
  const links = [wire]
  const restartable = [broker]
  const besides = async (queue: number | undefined) => {
    const own = await startBroker(options.broker, queue)
    stack.defer(() => own.close())
    const way = await link(own.url)
    stack.defer(() => way.close())
    links.push(way)
    restartable.push(own)
    return { own, way }
  }
  for (const zone of options.zones ? ['north', 'south'] : [])
    zoneBrokers[zone] = (await besides(options.queue)).way.url
  // Whatever waits before the source must not be dropped: its broker has no limit.
  const outside = options.queue === undefined ? undefined : await besides(0)
  const dataflow = await Dataflow.create(options.zones ? spread : {}, outside?.way.url)
  stack.defer(() => dataflow.repository.remove())
  const controlled = await Controlled.over({
    repo: dataflow.repository.bare,
    branch: 'main',
    broker: wire.url,
    ...(options.zones && { zoneBrokers }),
    nodes,
  })
  stack.defer(() => controlled.remove())
  const checker = new Checker(outside && fullAftermath)
  return await underLoad(options, {
    broker: (outside?.own ?? broker).url,
    checker,
    faults: new Faults({ dataflow, controlled, brokers: restartable, links, checker }),
    patienceMs,
    isReady: commit => isReady(controlled, commit),
    whereItStands: () => whereItStands(controlled),
    onFailure: async () => options.onFailure?.(controlled),
  })
}

async function isReady(controlled: Controlled, commit: string | undefined): Promise<boolean> {
  for (const end = Date.now() + readyMs; Date.now() < end; await sleep(50)) {
    const status = await controlled.status().catch(() => undefined)
    const isTrue = status?.conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
    if (isTrue && (commit === undefined || status!.revision.includes(commit))) return true
  }
  return false
}

async function whereItStands(controlled: Controlled): Promise<string[]> {
  const status = await controlled.status().catch(() => undefined)
  const lines = (status?.functions ?? []).map(
    ({ name, phase, message, hosts, recordsIn, recordsOut, lag, deadLetters }) =>
      `${name}: ${phase}, in ${recordsIn}, out ${recordsOut}, lag ${lag}, dead ${deadLetters}, ` +
      `hosts ${hosts.map(({ id, pid }) => `${id}(${pid ?? 'no process'})`).join(' ')} ${message ?? ''}`,
  )
  const conditions = (status?.conditions ?? []).map(condition => JSON.stringify(condition))
  return [...lines, ...conditions]
}
