import type { Model, Step } from './explore.ts'

/** A partition that reads and writes by the broker of a zone, and is stored on the dataflow's own. Plain JSON. */
export interface World {
  /** Who holds the session on each broker; 0: nobody. */
  home: number
  edge: number
  /** Records that the session on the broker of the zone holds, oldest first. */
  queue: number[]
  stored: Stored
  owners: Record<string, Owner>
  next: number
  taken: number
  /** What took effect, each with the state that it saw. */
  effects: string[]
  takeovers: number
}

/** Cursor and state. */
interface Stored {
  done: number
  list: string
}

interface Owner {
  stage: (typeof order)[number] | 'running'
  known: Stored
  opened: number
  /** The record under way, and what comes next of it. */
  record: { seq: number; list: string; next: 'output' | 'store' | 'ack' } | null
}

export interface Scenario {
  records: number
  takeovers: number
}

/** Each is a protocol that somebody might take for right. */
export type Mistake =
  | 'what is stored is read before the session is taken over'
  | 'a new owner does not prove that it has the first session still'
  | 'who has lost a session takes it back'

const order = ['home', 'read', 'edge', 'proof'] as const

/** How owners take sessions on two brokers over, as `runtime/sessions.ts` and `partition.ts` do it: several may be about it
 *  at once, and who has lost a session hears of it late. */
export function takeover({ records, takeovers }: Scenario, mistake?: Mistake): Model<World> {
  const isEarly = mistake === 'what is stored is read before the session is taken over'
  const stages = isEarly ? (['read', 'home', 'edge', 'proof'] as const) : order

  const steps = (world: World): Step<World>[] => {
    const possible: Step<World>[] = []
    const step = (name: string, apply: (world: World) => void, fault = false) =>
      possible.push({ name, fault, apply })
    const owners = Object.entries(world.owners)
    const begins = (later: World) => {
      later.owners[String(later.next)] = {
        stage: stages[0]!,
        known: { done: 0, list: '' },
        opened: 0,
        record: null,
      }
      later.next += 1
    }
    if (owners.length === 0) step(`host ${world.next} begins to take over`, begins)
    else if (world.takeovers > 0)
      step(
        `host ${world.next} begins to take over`,
        later => {
          later.takeovers -= 1
          begins(later)
        },
        true,
      )
    for (const [name, owner] of owners) {
      const of = (later: World) => later.owners[name]!
      const me = Number(name)
      const { stage, record } = owner
      const after = stages[stages.indexOf(stage as 'home') + 1] ?? 'running'
      const needs = stages.indexOf(stage as 'home')
      const hasHad = (broker: 'home' | 'edge') => stage === 'running' || stages.indexOf(broker) < needs
      const hasLost = (['home', 'edge'] as const).find(broker => hasHad(broker) && world[broker] !== me)
      if (mistake === 'who has lost a session takes it back' && hasHad('edge') && world.edge !== me)
        step(
          `host ${name} takes the session on the edge back`,
          later => {
            later.edge = me
            of(later).opened = 0
            of(later).record = null
          },
          true,
        )
      if (hasLost)
        step(`host ${name} hears that it has lost its session on ${hasLost}, and gives up`, later => {
          delete later.owners[name]
          for (const broker of ['home', 'edge'] as const) if (later[broker] === me) later[broker] = 0
        })
      if (stage === 'home' || stage === 'edge')
        step(`host ${name} takes the session on ${stage} over`, later => {
          later[stage] = me
          of(later).stage = after
        })
      if (stage === 'read')
        step(`host ${name} reads cursor and state`, later => {
          of(later).known = { ...later.stored }
          of(later).stage = after
        })
      if (stage === 'proof' && mistake === 'a new owner does not prove that it has the first session still')
        step(`host ${name} runs`, later => {
          of(later).stage = after
        })
      else if (stage === 'proof' && world.home === me)
        step(`host ${name} stores its cursor, and runs`, later => {
          later.stored = { ...of(later).known }
          of(later).stage = after
        })
      if (stage !== 'running') continue
      const next = world.queue[owner.opened]
      if (!record && next !== undefined && world.edge === me)
        step(`host ${name} opens record ${next}`, later => {
          const mine = of(later)
          mine.opened += 1
          const isRepeat = next <= mine.known.done
          const list = `${mine.known.list}${next} `
          mine.record = { seq: next, list, next: isRepeat ? 'ack' : 'output' }
        })
      if (record?.next === 'output' && world.edge === me)
        step(`host ${name}: output of ${record.seq} is taken over`, later => {
          of(later).record!.next = 'store'
          if (record.seq <= later.taken) return
          later.taken = record.seq
          later.effects.push(record.list)
        })
      if (record?.next === 'store' && world.home === me)
        step(`host ${name}: state and cursor of ${record.seq} are stored`, later => {
          of(later).record!.next = 'ack'
          of(later).known = { done: record.seq, list: record.list }
          later.stored = { ...of(later).known }
        })
      if (record?.next === 'ack' && world.edge === me)
        step(`host ${name} acknowledges ${record.seq}`, later => {
          of(later).record = null
          of(later).opened -= 1
          later.queue.shift()
        })
    }
    return possible
  }

  const all = Array.from({ length: records }, (_, i) => i + 1)
  const check = ({ effects, queue, stored }: World, stuck: boolean) => {
    for (const [i, list] of effects.entries()) {
      const expected = all.slice(0, i + 1).map(n => `${n} `)
      if (list !== expected.join(''))
        return `a record saw another state than those before it left: "${list}", not "${expected.join('')}"`
    }
    if (!stuck) return undefined
    if (queue.length > 0) return `stuck with ${queue.length} messages in the session`
    if (effects.length < records) return `${all.slice(effects.length).join(', ')} never took effect`
    if (stored.list !== effects.at(-1)) return `the state is "${stored.list}"`
    return undefined
  }

  return {
    initial: {
      home: 0,
      edge: 0,
      queue: all,
      stored: { done: 0, list: '' },
      owners: {},
      next: 1,
      taken: 0,
      effects: [],
      takeovers,
    },
    steps,
    check,
  }
}
