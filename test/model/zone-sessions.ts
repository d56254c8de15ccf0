import type { Model, Step } from './explore.ts'

/** A partition that reads by the dataflow's own broker and by that of a zone. Plain JSON. */
export interface World {
  /** By session: what its producer has sent. */
  sent: Record<Session, number>
  sessions: Record<Session, Message[]>
  stored: Stored
  owner: Owner
  /** By session: the last id that the consumer took. */
  taken: Record<Session, number>
  effects: { item: string; list: string }[]
  isWired: boolean
  takeovers: number
}

export type Session = 'home' | 'edge'

/** A record; the mark of an owner; or the wiring that leaves the broker of the zone. */
type Message = { seq: number } | { mark: number } | 'wiring'

interface Stored {
  done: Record<Session, number>
  list: string
  session: Session
  /** The broker of the zone is left. */
  left: boolean
}

interface Owner {
  number: number
  known: Stored
  accepted: Record<Session, number>
  list: string
  current: Session
  /** Its own mark has not come through the session that it began with. */
  isBound: boolean
  /** By session: messages that have come, and that were opened. */
  come: Record<Session, number>
  opened: Record<Session, number>
  inflight: Inflight[]
  /** The mark that the wiring waits for; 0: none, or it came. */
  barrier: number
  isThrough: boolean
}

interface Inflight {
  session: Session
  /** 0: nothing new. */
  seq: number
  list: string
  next: 'output' | 'store' | 'ack'
}

export interface Scenario {
  records: Record<Session, number>
  takeovers: number
  /** A new wiring leaves the broker of the zone, once its producer sends nothing more by it. */
  leaves?: true
}

/** Each is a protocol that somebody might take for right. */
export type Mistake =
  | 'messages are taken as they come'
  | 'the session is changed while something is in flight'
  | 'the session is changed before its name is stored'
  | 'a new owner begins with the session of its choice'
  | 'a new owner leaves the session that is named before its mark'
  | 'the mark of another owner is taken for its own'
  | 'a broker is left before it is drained'
  | 'who is bound waits for a mark behind the wiring'

const both: Session[] = ['home', 'edge']
const otherOf = (session: Session): Session => (session === 'home' ? 'edge' : 'home')
const zero = () => ({ home: 0, edge: 0 })

/** How messages of two sessions fall together, as `runtime/inbox.ts` and `sessions.ts` say: a producer for each, owners one
 *  after the other, and a consumer that drops repeats. */
export function sessions({ records, takeovers, leaves }: Scenario, mistake?: Mistake): Model<World> {
  const start = (world: World, number: number) => {
    const known = structuredClone(world.stored)
    const isFree = mistake === 'a new owner begins with the session of its choice'
    world.owner = {
      number,
      known,
      accepted: { ...known.done },
      list: known.list,
      current: isFree ? 'home' : known.session,
      isBound: mistake !== 'a new owner leaves the session that is named before its mark',
      come: zero(),
      opened: zero(),
      inflight: [],
      barrier: 0,
      isThrough: false,
    }
    for (const session of both)
      if (session === 'home' || !known.left) world.sessions[session].push({ mark: number })
  }

  const steps = (world: World): Step<World>[] => {
    const possible: Step<World>[] = []
    const step = (name: string, apply: (world: World) => void, fault = false) =>
      possible.push({ name, fault, apply })
    const { owner, sent, stored } = world
    const { come, opened, inflight, current, isBound } = owner

    for (const session of both)
      if (sent[session] < records[session])
        step(`record ${session}${sent[session] + 1} is sent`, later => {
          later.sent[session] += 1
          later.sessions[session].push({ seq: later.sent[session] })
        })
    if (leaves && !world.isWired && sent.edge === records.edge)
      step('a wiring leaves the broker of the zone', later => {
        later.isWired = true
        later.sessions.home.push('wiring')
      })

    for (const session of both) {
      const message = world.sessions[session][come[session]]
      if (message === undefined) continue
      const isHeld = message === 'wiring' && !stored.left && !owner.isThrough
      if (!isHeld || mistake === 'a broker is left before it is drained')
        step(`${session} brings ${nameOf(message, session)}`, later => {
          later.owner.come[session] += 1
        })
      else if (owner.barrier === 0)
        step('home brings the wiring, and a mark goes through edge', later => {
          later.owner.barrier = 100 + owner.number
          later.sessions.edge.push({ mark: later.owner.barrier })
        })
    }

    const isEmpty = (session: Session) => opened[session] === come[session]
    const open = mistake === 'messages are taken as they come' ? both : [current]
    for (const session of open) {
      const message = world.sessions[session][opened[session]]
      if (isEmpty(session) || inflight.length === 2) continue
      if (message === 'wiring' && inflight.length > 0) continue
      step(`owner opens ${nameOf(message!, session)}`, later => take(later, session, mistake))
    }
    const ends = owner.barrier > 0 && current === 'home' && isEmpty('home')
    const mayEnd = ends && mistake !== 'who is bound waits for a mark behind the wiring'
    const isQuiet = inflight.length === 0 || mistake === 'the session is changed while something is in flight'
    if (isQuiet && (!isBound || mayEnd) && !isEmpty(otherOf(current)))
      step(`owner stores that it goes on with ${otherOf(current)}`, later => {
        later.owner.current = otherOf(current)
        later.owner.isBound = false
        later.owner.known.session = otherOf(current)
        if (mistake !== 'the session is changed before its name is stored')
          later.stored = structuredClone(later.owner.known)
      })

    for (const [i, { session, seq, next }] of inflight.entries())
      if (i === 0 || (next === 'output' && inflight[i - 1]!.next !== 'output'))
        step(`owner: ${next} of ${session}${seq || ', nothing new'}`, later => goOn(later, i))
    if (world.takeovers > 0)
      step(
        'owner dies, and the next one takes over',
        later => {
          later.takeovers -= 1
          start(later, owner.number + 1)
        },
        true,
      )
    return possible
  }

  const check = ({ effects, sessions, stored, isWired }: World, stuck: boolean) => {
    const last = zero()
    let list = ''
    for (const effect of effects) {
      const session = both.find(name => effect.item.startsWith(name))!
      last[session] += 1
      if (effect.item !== `${session}${last[session]}`) return `${session}${last[session]} never took effect`
      list += `${effect.item} `
      if (effect.list !== list)
        return `${effect.item} saw another state than those before it left: "${effect.list}", not "${list}"`
    }
    if (!stuck) return undefined
    for (const session of both) {
      if (sessions[session].length > 0) return `stuck with messages in the session on ${session}`
      if (last[session] < records[session]) return `${session}${last[session] + 1} never took effect`
    }
    if (isWired && !stored.left) return 'stuck before the next wiring is in effect'
    return stored.list === list ? undefined : `the state is "${stored.list}", and its outputs say "${list}"`
  }

  const world: World = {
    sent: zero(),
    sessions: { home: [], edge: [] },
    stored: { done: zero(), list: '', session: 'home', left: false },
    owner: undefined as never,
    taken: zero(),
    effects: [],
    isWired: false,
    takeovers,
  }
  start(world, 1)
  return { initial: world, steps, check }
}

function take(world: World, session: Session, mistake?: Mistake) {
  const { owner, sessions } = world
  const message = sessions[session][owner.opened[session]]!
  owner.opened[session] += 1
  const nothing = { session, seq: 0, list: '', next: 'ack' as const }
  if (message === 'wiring') {
    sessions.edge = []
    owner.come.edge = owner.opened.edge = 0
    owner.known.left = true
    world.stored = structuredClone(owner.known)
  } else if ('mark' in message) {
    const isAny = mistake === 'the mark of another owner is taken for its own'
    if (session === owner.current && (message.mark === owner.number || isAny)) owner.isBound = false
    if (message.mark === owner.barrier) {
      owner.barrier = 0
      owner.isThrough = true
    }
  } else if (message.seq > owner.accepted[session]) {
    owner.accepted[session] = message.seq
    owner.list += `${session}${message.seq} `
    owner.inflight.push({ session, seq: message.seq, list: owner.list, next: 'output' })
    return
  }
  owner.inflight.push(nothing)
}

/** The broker takes over the next packet of a message under way: outputs in order, and what is stored, too. */
function goOn(world: World, i: number) {
  const { owner, taken } = world
  const first = owner.inflight[i]!
  const { session, seq, list, next } = first
  if (next === 'output') {
    first.next = 'store'
    if (seq <= taken[session]) return
    taken[session] = seq
    world.effects.push({ item: `${session}${seq}`, list })
  } else if (next === 'store') {
    first.next = 'ack'
    owner.known.done[session] = seq
    owner.known.list = list
    world.stored = structuredClone(owner.known)
  } else {
    owner.inflight.shift()
    owner.opened[session] -= 1
    owner.come[session] -= 1
    world.sessions[session].shift()
  }
}

const nameOf = (message: Message, session: Session) => {
  if (message === 'wiring') return 'the wiring'
  return 'mark' in message ? `mark ${message.mark}` : `record ${session}${message.seq}`
}
