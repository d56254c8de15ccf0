import { Random } from './random.ts'

/** Functions of the dataflow that faults are aimed at. */
export const inner = ['stamp', 'left', 'right', 'join', 'tally', 'pulse'] as const
export const edges = ['entry', 'out'] as const
export type Target = (typeof inner)[number] | (typeof edges)[number]
export const isEdge = (target: Target) => (edges as readonly Target[]).includes(target)

export const zones = ['north', 'south', undefined] as const
export const breakages = ['setup', 'load', 'exit', 'hang', 'type', 'syntax', 'yaml'] as const
export type Breakage = (typeof breakages)[number]
/** Which connections of a function: those that carry its records, the one by which its hosts know each other. */
export const wires = ['all', 'sessions', 'control'] as const
/** Also that alone by which a source gets its records, or a sink gives them away. */
const edgeWires = [...wires, 'outside'] as const
export type Wire = (typeof edgeWires)[number]

/** What happens; durations in ms. `pick` chooses among the hosts that a function has by then. */
export type Action =
  /** So many times in a row: what takes over is killed too. */
  | { kind: 'kill'; targets: Target[]; pick: number; times: number; gapMs: number }
  | { kind: 'stop'; target: Target; pick: number; ms: number }
  | { kind: 'move'; target: Target; zone: string | null }
  | { kind: 'update'; target: Target; what: 'code' | 'env' | 'concurrency' | 'shared' }
  | { kind: 'broken'; target: Target; how: Breakage; ms: number }
  /** An update that handles nothing for a while. */
  | { kind: 'stall'; target: Target; ms: number }
  | { kind: 'scale'; target: Target; min: number }
  /** Another number of partitions. */
  | { kind: 'repartition'; target: Target; max: number }
  | { kind: 'rewire' }
  | { kind: 'broker'; ms: number }
  | { kind: 'cut'; target: Target | null; wire: Wire; ms: number }
  /** Sessions are dropped again and again on a slow link: whatever takes several steps ends between two of them. */
  | { kind: 'flap'; target: Target; times: number; gapMs: number; delayMs: number }
  /** As a cut, but nobody is told: connections stand, and nothing comes. */
  | { kind: 'freeze'; target: Target; wire: Wire; ms: number }
  | { kind: 'delay'; delayMs: number; ms: number }
  | { kind: 'controller'; pick: number; ms: number }
  /** All that runs ends while the broker is down, and so says nothing to it. */
  | { kind: 'blackout'; ms: number }
  // Of pods only.
  /** Pods are deleted; with 0 s of grace nobody waits for their end. */
  | { kind: 'delete'; targets: Target[]; pick: number; graceSeconds: number | null }
  /** Pods are evicted from a node of the cluster, and none may come for a while. */
  | { kind: 'drain'; pick: number; ms: number }
  /** A node of the cluster is lost for a while: its pods go on, go on unheard, or are gone. */
  | { kind: 'kubelet' | 'unplug' | 'power'; pick: number; ms: number }

export type Kind = Action['kind']

/** An action, and how many records have been sent when it comes. */
export type Fault = Action & { at: number }

export interface Plan {
  seed: number
  records: number
  faults: number
  /** Source and sink are killed and stopped too. */
  edges?: boolean
  /** Leave others out. */
  kinds?: readonly Kind[]
  /** Messages that the broker keeps for a client: a function may stall for long while the load goes on. */
  queue?: number
  /** Hosts are pods: other things happen to them. */
  kubernetes?: boolean
}

const processWeights: Partial<Record<Kind, number>> = {
  kill: 24,
  stop: 10,
  move: 12,
  update: 14,
  broken: 8,
  stall: 4,
  scale: 8,
  repartition: 6,
  rewire: 4,
  broker: 3,
  cut: 8,
  flap: 8,
  freeze: 5,
  delay: 4,
  controller: 5,
  blackout: 1,
}

const podWeights: Partial<Record<Kind, number>> = {
  delete: 24,
  drain: 8,
  kubelet: 8,
  unplug: 6,
  power: 6,
  broker: 4,
  controller: 6,
  move: 6,
  update: 12,
  broken: 4,
  stall: 2,
  scale: 6,
  repartition: 4,
  rewire: 3,
}

export const kinds = Object.keys(processWeights) as Kind[]
export const podKinds = Object.keys(podWeights) as Kind[]
/** Functions that `scale` changes: those with several partitions. */
const scaled = ['stamp', 'left', 'join'] as const
const stallable = ['left', 'right', 'join', 'tally'] as const
const stallMs = { usual: 3_000, long: 30_000 }
/** Functions whose partitions are cut anew: those with state, one of them with timers, one with records that wait. */
const recut = ['stamp', 'left', 'join', 'tally', 'pulse'] as const

/** Everything that will go wrong, drawn before it starts: by seed and size alone. */
export function schedule({
  seed,
  records,
  faults,
  edges: withEdges = false,
  queue,
  kubernetes = false,
  kinds: only = kubernetes ? podKinds : kinds,
}: Plan): Fault[] {
  const weights = kubernetes ? podWeights : processWeights
  const random = new Random(seed ^ 0x5eed)
  const targets: readonly Target[] = withEdges ? [...inner, ...edges] : inner
  // Each kind once, whatever the weights, so that a short run has them all.
  const drawn = random.shuffle([
    ...only.slice(0, faults),
    ...draw(random, weights, only, Math.max(0, faults - only.length)),
  ])
  const step = records / (faults + 1)
  return drawn
    .map((kind, i) => ({
      at: Math.floor((i + 0.5 + random.next()) * step),
      ...action(kind, random, targets, queue === undefined ? stallMs.usual : stallMs.long),
    }))
    .toSorted((a, b) => a.at - b.at)
}

function draw(
  random: Random,
  weights: Partial<Record<Kind, number>>,
  only: readonly Kind[],
  count: number,
): Kind[] {
  const deck = only.flatMap(kind => new Array<Kind>(Math.max(1, weights[kind]!)).fill(kind))
  return Array.from({ length: count }, () => random.pick(deck))
}

function action(kind: Kind, random: Random, targets: readonly Target[], longestStallMs: number): Action {
  const target = random.pick(targets)
  const pick = random.between(0, 999)
  switch (kind) {
    case 'kill': {
      const several = random.next() < 0.3 ? random.between(2, 4) : 1
      return {
        kind,
        targets: random.shuffle(targets).slice(0, several),
        pick,
        times: random.pick([1, 1, 1, 2, 3]),
        gapMs: random.between(20, 900),
      }
    }
    case 'stop':
      return { kind, target, pick, ms: random.between(200, 3_000) }
    case 'move':
      return { kind, target: random.pick(inner), zone: random.pick(zones) ?? null }
    case 'update':
      return {
        kind,
        target: random.pick(inner),
        what: random.pick(['code', 'code', 'code', 'env', 'concurrency', 'shared'] as const),
      }
    case 'broken':
      return { kind, target: random.pick(inner), how: random.pick(breakages), ms: random.between(200, 2_500) }
    case 'stall':
      return { kind, target: random.pick(stallable), ms: random.between(500, longestStallMs) }
    case 'scale':
      return { kind, target: random.pick(scaled), min: random.between(1, 4) }
    case 'repartition':
      return { kind, target: random.pick(recut), max: random.pick([2, 4, 8]) }
    case 'rewire':
      return { kind }
    case 'broker':
      return { kind, ms: random.between(0, 1_000) }
    case 'cut': {
      const cut = random.pick([null, ...targets])
      return { kind, target: cut, wire: random.pick(wiresOf(cut)), ms: random.between(0, 1_500) }
    }
    case 'flap':
      return {
        kind,
        target,
        times: random.between(2, 6),
        gapMs: random.between(20, 700),
        delayMs: random.pick([0, 0, 5, 15, 30]),
      }
    case 'freeze':
      return { kind, target, wire: random.pick(wiresOf(target)), ms: random.between(200, 4_000) }
    case 'delay':
      return { kind, delayMs: random.between(2, 60), ms: random.between(500, 3_000) }
    case 'controller':
      return { kind, pick, ms: random.between(0, 1_500) }
    case 'blackout':
      return { kind, ms: random.between(0, 1_000) }
    case 'delete':
      return {
        kind,
        targets: random.shuffle(targets).slice(0, random.pick([1, 1, 2, 4])),
        pick,
        graceSeconds: random.pick([null, null, 1, 0]),
      }
    case 'drain':
      return { kind, pick, ms: random.between(0, 10_000) }
    // Some come back before their pods are replaced.
    case 'kubelet':
    case 'unplug':
    case 'power':
      return { kind, pick, ms: random.between(1_000, 35_000) }
  }
}

const wiresOf = (target: Target | null) => (target !== null && isEdge(target) ? edgeWires : wires)

/** As a person reads it. */
export function textOf(action: Action): string {
  const { kind, ...rest } = action
  const parts = Object.entries(rest)
    .filter(([name]) => name !== 'pick' && name !== 'at')
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join('+') : (value ?? 'any')}`)
  return [kind, ...parts].join(' ')
}
