import type { Model, Step } from './explore.ts'
import { RepartitionOwner } from './repartition-owner.ts'
import {
  type Cursor,
  call,
  type Document,
  emptyCursor,
  initial,
  keyOf,
  type Mistake,
  namesOf,
  round,
  type Scenario,
  shardOf,
  type World,
} from './repartition-world.ts'
import { put } from './world.ts'

/** A change of the number of partitions, as `controller/repartition.ts` leads it: the controller, producers, sessions, owners
 *  of old and new partitions, and a consumer that drops repeats. */
export function repartition(scenario: Scenario, mistake?: Mistake): Model<World> {
  const [old, next] = [namesOf(scenario.from), namesOf(scenario.to)]
  const owner = (world: World, name: string) => new RepartitionOwner(world, name, scenario, mistake)

  const steps = (world: World): Step<World>[] => {
    const possible: Step<World>[] = []
    const step = (name: string, apply: (world: World) => void, fault = false) =>
      possible.push({ name, fault, apply })

    const { left } = world
    const job = controllerJobs(scenario, world, mistake)[world.controller]
    if (job)
      step(`controller ${job.name}`, later => {
        later.controller += 1
        job.apply(later)
      })
    if (left.controllerCrashes > 0 && world.controller > 0)
      step(
        'controller dies, and starts again',
        later => {
          later.left.controllerCrashes -= 1
          later.controller = 0
        },
        true,
      )

    for (const [lane, { away, sent, done, switched }] of Object.entries(world.producers)) {
      if (away) {
        step(`producer ${lane} is back`, later => {
          later.producers[lane]!.away = false
        })
        continue
      }
      if (sent < scenario.records[lane]!.length)
        step(`producer ${lane} sends record ${sent + 1}`, later => send(later, scenario, lane))
      if (sent > done)
        step(`producer ${lane} stores that it has sent ${sent}`, later => {
          later.producers[lane]!.done = sent
        })
      const mayGoOn =
        mistake === 'a producer switches before what it sent is finished' || isFinished(world, scenario, lane)
      if (world.told && !switched && sent === done && (mayGoOn || !scenario.unordered))
        step(`producer ${lane} switches to the new partitions`, later => {
          later.producers[lane]!.switched = true
        })
      if (left.producerCrashes > 0)
        step(
          `producer ${lane} dies`,
          later => {
            later.left.producerCrashes -= 1
            later.producers[lane]!.away = true
            later.producers[lane]!.sent = done
          },
          true,
        )
    }

    const wanted = world.wired === 'new' ? next : old
    for (const name of wanted) {
      if (world.owners[name]) continue
      const known = world.wired === 'new' ? round + 1 : round
      step(`a host takes ${name} over`, later => owner(later, name).start(known))
    }
    for (const name of Object.keys(world.owners)) {
      const here = owner(world, name)
      const message = here.next
      if (message)
        step(`${name} opens ${message === 'last' ? message : message.item}`, later =>
          owner(later, name).open(owner(later, name).next!),
        )
      if (here.mayEndEarly) step(`${name} opens last first`, later => owner(later, name).endEarly())
      if (here.isEnding) step(`${name} stores its last cursor`, later => owner(later, name).end())
      if (here.stage) step(`${name}: ${here.stage} is stored`, later => owner(later, name).goOn())
      for (const key of here.due)
        step(`${name} tells itself that the timer of ${key} is due`, later => owner(later, name).tell(key))
      if (left.takeovers > 0 && wanted.includes(name))
        step(
          `the owner of ${name} dies, and the next one takes over`,
          later => {
            later.left.takeovers -= 1
            owner(later, name).start(world.wired === 'new' ? round + 1 : round)
          },
          true,
        )
    }
    if (left.sleepers > 0)
      for (const name of next)
        step(
          `a host that slept takes ${name} over`,
          later => {
            later.left.sleepers -= 1
            owner(later, name).start(round - 1)
          },
          true,
        )
    return possible
  }

  const check = (world: World, stuck: boolean) =>
    wrongEffect(world, scenario) ?? (stuck ? unfinished(world, scenario, next) : undefined)

  return { initial: initial(scenario), steps, check }
}

/** The old partitions have finished all that this producer sent them. */
function isFinished({ producers, cursors }: World, scenario: Scenario, lane: string): boolean {
  return scenario.records[lane]!.slice(0, producers[lane]!.sent).every((key, i) => {
    const name = namesOf(scenario.from)[shardOf(key[0]!, scenario.from)]!
    return (cursors[name]?.lanes[lane] ?? 0) > i
  })
}

function send(world: World, scenario: Scenario, lane: string) {
  const producer = world.producers[lane]!
  producer.sent += 1
  const seq = producer.sent
  if (!scenario.producerCrashes) producer.done = seq // no successor would send it again
  const key = keyOf(scenario, lane, seq)
  const cut = producer.switched ? scenario.to : scenario.from
  world.sessions[namesOf(cut)[shardOf(key, cut)]!]?.push({ lane, seq, item: `${lane}${seq}`, key })
}

interface Job {
  name: string
  apply(world: World): void
}

/** What the controller does next, in order; nothing where it waits. What is wired tells how far it has come. */
function controllerJobs(scenario: Scenario, world: World, mistake?: Mistake): Job[] {
  const [old, next] = [namesOf(scenario.from), namesOf(scenario.to)]
  const wire = (wired: World['wired']): Job => ({
    name: `wires ${wired}`,
    apply(later) {
      later.wired = wired
      later.controller = 0
      if (wired === 'last') for (const name of old) later.sessions[name]!.push('last')
    },
  })
  const tell: Job = {
    name: 'tells producers of the new partitions',
    apply(later) {
      later.told = true
    },
  }
  const open = (): Job[] => [
    {
      name: 'ends what there was of the new sessions',
      apply(later) {
        for (const name of next) {
          delete later.sessions[name]
          delete later.cursors[name]
          delete later.owners[name]
        }
      },
    },
    {
      name: 'takes the new sessions over, says their round, and lets go of them',
      apply(later) {
        for (const name of next) {
          delete later.owners[name]
          put(later.sessions, name, later.sessions[name] ?? [])
          if (mistake !== 'sessions to come do not say their round')
            put(later.cursors, name, emptyCursor(scenario, round + 1))
        }
      },
    },
  ]
  const { wired, producers, cursors } = world
  if (wired === 'old')
    return mistake === 'producers are told before the new sessions are open'
      ? [tell, ...open(), wire('next')]
      : [...open(), wire('next')]
  if (wired === 'next') {
    const isSure = mistake !== 'a producer without a host is not waited for'
    const isLate = mistake !== 'the end is told before every producer has switched'
    const waits = Object.values(producers).some(({ switched, away }) => (away ? isSure : !switched && isLate))
    const again = mistake === 'the new sessions are emptied once producers know them' ? open() : []
    return [...again, tell, ...(waits ? [] : [wire('last')])]
  }
  if (wired === 'last') {
    const ended = old.flatMap(name => (cursors[name]?.ended ? cursors[name] : []))
    const enough = mistake === 'the new partitions begin when one of the old has ended' ? 1 : old.length
    const jobs = next.map((name, shard) => beginning(name, shard, ended, mistake))
    if (mistake === 'the old cursors go before the new ones are written')
      jobs.unshift({
        name: 'clears the old cursors',
        apply(later) {
          for (const name of old) delete later.cursors[name]
        },
      })
    if (world.controller === 0 && ended.length < enough) return []
    if (mistake === 'the new partitions begin before their cursors are written') return [wire('new')]
    return [...jobs, wire('new')]
  }
  if (
    mistake === 'the new partitions begin before their cursors are written' &&
    world.controller < next.length
  )
    return next.map((name, shard) => beginning(name, shard, Object.values(cursors), mistake))
  if (next.some(name => !world.owners[name])) return []
  return [
    {
      name: 'discards the old sessions',
      apply(later) {
        for (const name of old) {
          delete later.sessions[name]
          delete later.cursors[name]
          delete later.owners[name]
        }
      },
    },
  ]
}

/** Writes the cursor of a new partition: behind all that any old one has finished. */
function beginning(name: string, shard: number, ended: Cursor[], mistake?: Mistake): Job {
  const known = mistake === 'new cursors know what one partition has finished' ? ended.slice(0, 1) : ended
  const lanes: Cursor['lanes'] = {}
  for (const cursor of known)
    for (const [lane, seq] of Object.entries(cursor.lanes)) lanes[lane] = Math.max(lanes[lane] ?? 0, seq)
  const isAnew = mistake === 'numbers of timers begin anew'
  return {
    name: `writes the cursor of ${name}`,
    apply(later) {
      put(later.cursors, name, {
        lanes: isAnew ? { ...lanes, timer: 0 } : lanes,
        keys: ended.reduce((sum, { heirs }) => sum + (heirs[shard] ?? 0), 0),
        told: isAnew ? 0 : Math.max(...ended.map(({ told }) => told)),
        round: round + 1,
        ended: false,
        heirs: [],
      })
    },
  }
}

/** One serial run must explain all effects: each record once, those of one producer and key in order, each on the state that
 *  those before it left, and a timer only when it is set. */
function wrongEffect({ effects }: World, scenario: Scenario): string | undefined {
  const states: Record<string, Document> = {}
  const seen = new Set<string>()
  for (const { item, key, list } of effects) {
    const [lane, seq] = item.startsWith('timer') ? ['timer', 0] : [item[0]!, Number(item.slice(1))]
    if (lane === 'timer' && !states[key]?.timer) return `${item} took effect while no timer was set`
    if (lane !== 'timer' && seen.has(item)) return `${item} took effect twice`
    if (lane !== 'timer' && states[key]?.list.split(' ').some(other => other[0] === lane && other > item))
      return `${item} took effect out of order`
    seen.add(item)
    const after = call(scenario, { lane, seq, item, key }, states[key])
    if (after.list !== list)
      return `${item} saw another state than those before it left: "${list}", not "${after.list}"`
    states[key] = { ...after, born: { lane, seq }, includes: {} }
  }
  return undefined
}

/** What is wrong with a world in which nothing more happens. */
function unfinished({ wired, sessions, effects, states }: World, scenario: Scenario, next: string[]) {
  if (wired !== 'new') return `stuck while ${wired} is wired`
  const all = Object.entries(scenario.records).flatMap(([lane, keys]) =>
    keys.map((_, i) => `${lane}${i + 1}`),
  )
  const missing = all.filter(item => !effects.some(effect => effect.item === item))
  if (missing.length > 0) return `${missing.join(', ')} never took effect`
  const names = Object.keys(sessions)
  if (names.join() !== next.join()) return `sessions are left: ${names.join()}`
  if (Object.values(sessions).some(({ length }) => length > 0)) return 'messages are left'
  for (const [key, { list, timer }] of Object.entries(states)) {
    const last = effects.findLast(effect => effect.key === key)
    if (timer) return `the timer of ${key} never fired`
    if (last?.list !== list)
      return `the state of ${key} is "${list}", and its last output says "${last?.list}"`
  }
  return undefined
}
