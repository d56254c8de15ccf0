import type { Model, Step } from './explore.ts'
import { call, itemsOf, operationOf } from './function.ts'
import { isCounted, Partition } from './owner.ts'
import {
  type Cursor,
  initial,
  type Message,
  type Mistake,
  type Output,
  type Packet,
  put,
  type Scenario,
  type StateDocument,
  type World,
} from './world.ts'

/** Producers, the broker with one session, the partition's owners one after the other, and a consumer. */
export function protocol(scenario: Scenario, mistake?: Mistake): Model<World> {
  const partition = (world: World) => new Partition(world, scenario, mistake)

  const send = (world: World, lane: string) => {
    const sent = world.sent[lane]!
    sent.records += 1
    sent.number += 1
    world.queue.push({ lane, seq: sent.number, item: `${lane}.${sent.records}` })
  }

  /** The broker takes over the next packet of a connection. */
  const accept = (world: World, packet: Packet, from?: Partition) => {
    if ('outputs' in packet) {
      for (const output of packet.outputs) take(world, output, mistake)
      from?.sent(packet.outputs)
    } else if ('key' in packet) {
      if (packet.document) put(world.retained.states, packet.key, packet.document)
      else delete world.retained.states[packet.key]
      from?.stored()
    } else if ('cursor' in packet) {
      world.retained.cursor = packet.cursor
      if (packet.why === 'commit') from?.stored()
      else if (packet.why === 'start') from?.started()
      else from?.saved()
    } else if ('wiring' in packet) world.retained.wiring = packet.wiring
    else if (world.delivered > 0 && idOf(world.queue[0]!) === packet.ack) {
      world.queue.shift()
      world.delivered -= 1
      world.opened -= 1
    }
  }

  const takeOver = (world: World, documents: Record<string, StateDocument>, newest: number) => {
    world.left.takeovers -= 1
    world.delivered = 0
    const goesOn = mistake === 'the former owner reconnects' || mistake === 'the former owner is not refused'
    if (goesOn) world.former = world.owner
    partition(world).start(documents, newest)
  }

  const steps = (world: World): Step<World>[] => {
    const { owner, former, left, retained } = world
    const possible: Step<World>[] = []
    const step = (name: string, apply: (world: World) => void, fault = false) =>
      possible.push({ name, fault, apply })

    for (const [lane, { records, number }] of Object.entries(world.sent)) {
      if (records < scenario.records[lane]!.length)
        step(`producer ${lane} sends record ${records + 1}`, next => send(next, lane))
      if (records > 0 && left.repeats > 0)
        step(
          `producer ${lane} sends record ${records} again`,
          next => {
            next.left.repeats -= 1
            next.queue.push({ lane, seq: number, item: `${lane}.${records}` })
          },
          true,
        )
      if (records > 0 && left.sourceCrashes > 0)
        step(
          `producer ${lane} crashes, and starts again`,
          next => {
            next.left.sourceCrashes -= 1
            next.sent[lane]!.number = mistake === 'ids restart after a crash' ? 0 : 10
          },
          true,
        )
    }
    if (scenario.rewire && !world.rewired)
      step('the controller publishes a change of streams', next => {
        next.rewired = true
        next.queue.push({ wiring: 2 })
      })

    const message = world.queue[world.delivered]
    if (message && !owner.starting && !owner.holding)
      step(`owner gets ${'wiring' in message ? 'the change of streams' : `record ${message.item}`}`, next => {
        next.delivered += 1
        next.opened = Math.max(next.opened, next.delivered)
        partition(next).receive(message)
      })
    const done = partition(world).done
    if (done > 0) step(`owner commits ${done}`, next => partition(next).commit())
    if (done > 0 && scenario.isPrompt) return possible.slice(-1)
    if (owner.wire.length > 0)
      step(`broker takes over: ${nameOf(owner.wire[0]!)}`, next =>
        accept(next, next.owner.wire.shift()!, partition(next)),
      )

    if (left.takeovers > 0) {
      const restored = restores(retained.states, retained.cursor, mistake)
      if (restored.length === 0)
        step('owner crashes', () => {
          throw new Error('the successor waits for a key that the cursor counts and the broker does not have')
        })
      for (const documents of restored)
        for (const newest of world.rewired ? [1, 2] : [1])
          step(
            `owner crashes or is replaced: its successor reads ${JSON.stringify(retained.cursor.lanes)}`,
            next => takeOver(next, documents, newest),
            true,
          )
    }
    if (mistake === 'the former owner is not refused' && former && former.wire.length > 0)
      step(
        `broker takes over from the former owner: ${nameOf(former.wire[0]!)}`,
        next => accept(next, next.former!.wire.shift()!),
        true,
      )
    if (mistake === 'the former owner reconnects' && former && left.reconnects > 0)
      step(
        'the former owner reconnects, and goes on with what it knew',
        next => {
          next.left.reconnects -= 1
          next.delivered = 0
          next.owner = next.former!
          delete next.former
        },
        true,
      )
    return possible
  }

  const check = (world: World, stuck: boolean) => {
    const wrong = wrongEffect(world, scenario)
    if (wrong || !stuck) return wrong
    return unfinished(world, scenario)
  }

  return { initial: initial(scenario), steps, check }
}

/** The consumer, whose session is in the order in which the broker took frames over: it drops repeats. */
function take(world: World, { item, key, value, origin, seq, stream }: Output, mistake?: Mistake) {
  const { taken } = world
  const name = mistake === 'ids compared across lanes' ? '' : `${stream}/${origin}`
  if (seq <= (taken[name] ?? 0)) return
  put(taken, name, seq)
  world.effects.push({ item, key, value })
}

/** Every set of documents that a successor may hold when it stops to read: as soon as it has as many as the cursor
 *  counts, in whatever order they come. */
function restores(states: Record<string, StateDocument>, cursor: Cursor, mistake?: Mistake) {
  if (cursor.keys === 0) return [{}]
  const all = Object.entries(states)
  let sets: [string, StateDocument][][] = [[]]
  for (const one of all) sets = sets.concat(sets.map(set => [...set, one]))
  const complete = sets.filter(
    set => set.filter(([, document]) => isCounted(document, cursor, mistake)).length === cursor.keys,
  )
  return complete.map(set => Object.fromEntries(set))
}

/** One serial run must explain all effects: each item once, in order, on the state that those before it left. */
function wrongEffect({ effects }: World, scenario: Scenario): string | undefined {
  const seen = new Set<string>()
  const states: Record<string, string | undefined> = {}
  const lasts: Record<string, number> = {}
  for (const { item, key, value } of effects) {
    if (seen.has(item)) return `${item} took effect twice`
    seen.add(item)
    const [lane, n] = item.split('.') as [string, string]
    if (Number(n) < (lasts[lane] ?? 0)) return `${item} took effect out of order`
    lasts[lane] = Number(n)
    const { state, output } = call(operationOf(scenario, item), item, states[key])
    if (output !== value)
      return `${item} saw another state than those before it left: "${value}", not "${output}"`
    states[key] = state
  }
  return undefined
}

/** What is wrong with a world in which nothing more happens. */
function unfinished(world: World, scenario: Scenario): string | undefined {
  const { effects, retained, queue } = world
  const missing = itemsOf(scenario).filter(item => !effects.some(effect => effect.item === item))
  if (queue.length > 0) return `stuck with ${queue.length} messages in the session`
  if (missing.length > 0) return `${missing.join(', ')} never took effect`
  const states: Record<string, string | undefined> = {}
  for (const { item, key } of effects)
    states[key] = call(operationOf(scenario, item), item, states[key]).state
  for (const [key, state] of Object.entries(states)) {
    const stored = retained.states[key]?.value
    if (stored !== state)
      return `the state of ${key} is ${JSON.stringify(stored)}, and its outputs say ${JSON.stringify(state)}`
  }
  return undefined
}

const idOf = (message: Message) => ('wiring' in message ? 'wiring' : message.item)

function nameOf(packet: Packet): string {
  if ('outputs' in packet) return `output of ${packet.outputs.map(({ item }) => item).join(', ')}`
  if ('key' in packet) {
    const { document } = packet
    if (!document) return `clears the deleted key ${packet.key}`
    return `state of key ${packet.key} ${JSON.stringify(document.value ?? null)}, includes ${JSON.stringify(document.includes)}`
  }
  if ('cursor' in packet) return `cursor ${JSON.stringify(packet.cursor.lanes)}`
  if ('wiring' in packet) return `wiring ${packet.wiring} in effect`
  return `acknowledgment of ${packet.ack}`
}
