import { topics } from '../../../schema/topics.ts'
import type { Content } from '../../../schema/wiring.ts'

/** What hosts of one node may do on a broker: topic filters. */
export interface Rights {
  publish: string[]
  /** And get what comes of it. */
  subscribe: string[]
}

/** What rights depend on; a wiring, or what it is to become. */
export type Wired = Pick<Content, 'inputs' | 'outputs' | 'source' | 'sink'> & {
  next?: { inputs: Content['inputs'] }
}

/**
 * The least that the hosts of a node need: their own topics, what they read, and how far their consumers have come.
 * Pure. @param wirings of the node: those in effect and those to come, since hosts go from one to the other by themselves
 */
export function rightsOf(flow: string, node: string, wirings: Wired[]): Rights {
  const own = (kind: string) => `dyninka/${flow}/${kind}/${node}`
  const inputs = wirings.flatMap(({ inputs, next }) => [...inputs, ...(next?.inputs ?? [])])
  const streams = wirings.flatMap(({ outputs }) => Object.values(outputs).flat())
  const consumers = new Set(streams.flatMap(({ consumers }) => consumers))
  const outside = wirings.flatMap(outsideOf)
  const kept = [`${own('credit')}/#`, `${own('state')}/#`, `${own('wiring')}/+`, `${own('hosts')}/+`]
  const due = [`${own('timer')}/+`, `${own('retry')}/+`]
  return {
    publish: sorted([
      ...kept,
      ...due,
      ...outside.filter(({ way }) => way === 'out').map(({ topic }) => topic),
      `${own('data')}/#`,
      `${own('dead')}/#`,
      `${own('telemetry')}/+`,
      `${own('figures')}/+`,
      topics.nudge(flow),
    ]),
    subscribe: sorted([
      ...kept,
      ...due,
      ...outside.filter(({ way }) => way === 'in').map(({ topic }) => topic),
      ...inputs.map(({ node, output, stream }) => `dyninka/${flow}/data/${node}/${output}/${stream}/+`),
      ...[...consumers].map(consumer => topics.credits(flow, consumer)),
      topics.wiring(flow, node),
      `${own('replay')}/+`,
    ]),
  }
}

/**
 * The same on the broker of a zone. What a node may publish there never changes: a broker drops what it may not, and says
 * nothing, while a broker that is away can't be told of new rights. To subscribe without the right is an error, and is tried
 * again. Pure.
 */
export function zoneRightsOf(flow: string, node: string, zone: string, wirings: Wired[]): Rights {
  const own = (kind: string) => `dyninka/${flow}/${kind}/${node}`
  const inputs = wirings.flatMap(({ inputs, next }) => [...inputs, ...(next?.inputs ?? [])])
  const read = inputs.filter(({ broker }) => broker === zone)
  return {
    publish: sorted([`${own('data')}/#`, `${own('mark')}/+`, topics.nudge(flow)]),
    subscribe: sorted([
      `${own('mark')}/+`,
      ...read.map(({ node, output, stream }) => `dyninka/${flow}/data/${node}/${output}/${stream}/+`),
    ]),
  }
}

/** Topics of the world outside on this very broker. */
function outsideOf({ source, sink }: Wired): { way: 'in' | 'out'; topic: string }[] {
  const spec = source?.spec
  if (spec?.type === 'mqtt' && spec.broker === undefined) return [{ way: 'in', topic: spec.filter }]
  if (sink?.type === 'mqtt' && sink.broker === undefined) return [{ way: 'out', topic: sink.topic }]
  return []
}

const sorted = (filters: string[]) => [...new Set(filters)].toSorted()
