import type { Model, Step } from './explore.ts'

/** An edge that changes its broker. Plain JSON. */
export interface World {
  /** Records that the producer has sent; what it has stored as sent, with the broker that is in effect and the last turn. */
  sent: number
  stored: { done: number; broker: Broker; turns: number }
  /** By which it sends now. */
  broker: Broker
  /** The turn that is to be finished before the next broker is in effect; 0: none. */
  turn: number
  isSaid: boolean
  /** Whether this owner has sent anything. */
  hasSent: boolean
  /** What the producer has heard of the cursors of its consumers. */
  heard: Record<string, Cursor>
  /** The wiring names the next broker. */
  told: boolean
  consumers: Record<string, Consumer>
  crashes: number
}

type Broker = 'home' | 'edge'

interface Cursor {
  seq: number
  turn: number
}

interface Consumer {
  home: Message[]
  /** Absent: not subscribed yet. */
  edge: Message[] | null
  cursor: Cursor
  effects: number[]
}

type Message = { seq: number } | { turn: number }

export interface Scenario {
  records: number
  /** What it has sent is stored as such at once: a source has no input that would come again. */
  isSource?: true
  consumers: string[]
  crashes: number
}

/** Each is a protocol that somebody might take for right. */
export type Mistake =
  | 'a turn is not waited for'
  | 'one consumer is waited for'
  | 'only what this owner sent is waited for'
  | 'a turn is said before its number is stored'
  | 'the next broker is stored after the first record'
  | 'producers are told before consumers have subscribed'

/** How a producer goes on by another broker, as `runtime/crossing.ts` does it for functions and sources: consumers take in
 *  what two brokers bring in any order, and drop repeats. */
export function crossing(
  { records, isSource, consumers, crashes }: Scenario,
  mistake?: Mistake,
): Model<World> {
  const nothing = { seq: 0, turn: 0 }
  const unheard = () => Object.fromEntries(consumers.map(name => [name, { ...nothing }]))

  const publish = (world: World, broker: Broker, message: Message) => {
    for (const consumer of Object.values(world.consumers)) consumer[broker]?.push(message)
  }

  const isFinished = ({ heard, turn, hasSent }: World) => {
    if (mistake === 'a turn is not waited for') return true
    if (mistake === 'only what this owner sent is waited for' && !hasSent) return true
    const cursors = Object.values(heard)
    const has = (cursor: Cursor) => cursor.turn >= turn
    return mistake === 'one consumer is waited for' ? cursors.some(has) : cursors.every(has)
  }

  const steps = (world: World): Step<World>[] => {
    const possible: Step<World>[] = []
    const step = (name: string, apply: (world: World) => void, fault = false) =>
      possible.push({ name, fault, apply })
    const { sent, stored, broker, turn, isSaid, told } = world

    const isRead = Object.values(world.consumers).every(({ edge }) => edge !== null)
    if (!told && (isRead || mistake === 'producers are told before consumers have subscribed'))
      step('producer is told of the next broker', later => {
        later.told = true
      })
    if (sent < records && turn === 0)
      step(`producer sends record ${sent + 1} by ${broker}`, later => {
        later.sent += 1
        later.hasSent = true
        if (isSource) later.stored.done = later.sent
        publish(later, broker, { seq: later.sent })
      })
    if (sent > stored.done)
      step(`producer stores that it has sent ${sent}`, later => {
        later.stored.done = sent
      })
    if (broker !== stored.broker)
      step('producer stores the next broker', later => {
        later.stored.broker = broker
      })
    const isEarly = mistake === 'a turn is said before its number is stored'
    if (told && broker === 'home' && turn === 0 && sent === stored.done)
      step(`producer makes turn ${stored.turns + 1}`, later => {
        later.turn = stored.turns + 1
        if (!isEarly) later.stored.turns = later.turn
      })
    if (turn > 0 && !isSaid)
      step(`producer says turn ${turn}`, later => {
        later.isSaid = true
        publish(later, 'home', { turn })
      })
    if (turn > 0 && isSaid && isFinished(world))
      step('producer stores the next broker, and goes on by it', later => {
        later.broker = 'edge'
        if (mistake !== 'the next broker is stored after the first record') later.stored.broker = 'edge'
        later.stored.turns = turn
        later.turn = 0
        later.isSaid = false
      })
    if (world.crashes > 0)
      step(
        'producer dies, and the next one takes over',
        later => {
          later.crashes -= 1
          later.sent = stored.done
          later.broker = stored.broker
          later.turn = 0
          later.isSaid = later.hasSent = later.told = false
          later.heard = unheard()
        },
        true,
      )
    for (const [name, { edge, home, cursor }] of Object.entries(world.consumers)) {
      if (!edge)
        step(`${name} subscribes by the next broker`, later => {
          later.consumers[name]!.edge = []
        })
      for (const from of ['home', 'edge'] as const)
        if ((from === 'home' ? home : (edge ?? [])).length > 0)
          step(`${name} finishes the next message from ${from}`, later => take(later.consumers[name]!, from))
      if (JSON.stringify(world.heard[name]) !== JSON.stringify(cursor))
        step(`producer hears how far ${name} is`, later => {
          later.heard[name] = { ...cursor }
        })
    }
    return possible
  }

  const check = (world: World, stuck: boolean) => {
    for (const [name, { effects }] of Object.entries(world.consumers)) {
      const missing = effects.findIndex((seq, i) => seq !== i + 1)
      if (missing >= 0) return `${name} never got record ${missing + 1}`
      if (stuck && effects.length < records) return `${name} never got record ${effects.length + 1}`
    }
    return stuck && world.broker === 'home' ? 'stuck before the next broker is in effect' : undefined
  }

  const initial: World = {
    sent: 0,
    stored: { done: 0, broker: 'home', turns: 0 },
    broker: 'home',
    turn: 0,
    isSaid: false,
    hasSent: false,
    heard: unheard(),
    told: false,
    consumers: Object.fromEntries(
      consumers.map(name => [name, { home: [], edge: null, cursor: { ...nothing }, effects: [] }]),
    ),
    crashes,
  }
  return { initial, steps, check }
}

function take({ cursor, effects, ...sessions }: Consumer, from: Broker) {
  const message = sessions[from]!.shift()!
  if ('turn' in message) cursor.turn = Math.max(cursor.turn, message.turn)
  else if (message.seq > cursor.seq) {
    cursor.seq = message.seq
    effects.push(message.seq)
  }
}
