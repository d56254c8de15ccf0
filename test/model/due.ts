import { call, DueOwner } from './due-owner.ts'
import {
  type Effect,
  emptyValue,
  initial,
  type Message,
  type Mistake,
  type Packet,
  recordAt,
  type Scenario,
  type Value,
  type World,
} from './due-world.ts'
import type { Model, Step } from './explore.ts'
import { put } from './world.ts'

/** Timers, and records that wait for another attempt while others pass: a producer, the broker with one session, owners one
 *  after the other, and a consumer that drops repeats. */
export function due(scenario: Scenario, mistake?: Mistake): Model<World> {
  const owner = (world: World) => new DueOwner(world, scenario, mistake)

  const send = (world: World) => {
    world.sent += 1
    world.queue.push(recordAt(scenario, world.sent))
  }

  const steps = (world: World): Step<World>[] => {
    const possible: Step<World>[] = []
    const step = (name: string, apply: (world: World) => void, fault = false) =>
      possible.push({ name, fault, apply })
    const { queue, opened, left } = world
    const { starting, holds, set, telling, wire } = world.owner

    if (world.sent < scenario.records.length) step(`producer sends record r${world.sent + 1}`, send)
    const message = queue[opened]
    if (message && !starting && holds === 0) {
      step(`owner opens ${nameOf(message)}`, next => owner(next).open(next.queue[next.opened]!, false))
      if (left.failures > 0 && owner(world).mayFail(message))
        step(
          `owner opens ${nameOf(message)}: the function throws`,
          next => {
            next.left.failures -= 1
            owner(next).open(next.queue[next.opened]!, true)
          },
          true,
        )
    }
    for (const lane of ['timer', 'retry'] as const)
      if (!telling[lane])
        for (const key of Object.keys(set[lane]))
          step(`${lane} of ${key} is due`, next => owner(next).tell(lane, key))
    if (owner(world).done > 0) step(`owner commits ${owner(world).done}`, next => owner(next).commit())
    if (wire.length > 0)
      step(`broker takes over: ${said(wire[0]!)}`, next => {
        const packet = next.owner.wire.shift()!
        accept(next, packet, mistake)
        owner(next).took(packet)
      })
    if (left.takeovers > 0)
      step(
        'owner dies, and the next one takes over',
        next => {
          owner(next).start(scenario.takeovers - left.takeovers + 1)
          next.left.takeovers -= 1
        },
        true,
      )
    return possible
  }

  const check = (world: World, stuck: boolean) =>
    wrongEffect(world, scenario) ?? (stuck ? unfinished(world, scenario) : undefined)

  return { initial: initial(scenario), steps, check }
}

function accept(world: World, packet: Packet, mistake?: Mistake) {
  if ('output' in packet) {
    const { output } = packet
    const isFirst = mistake === 'attempts have the number of the record' && packet.lane === 'retry'
    const { lane, seq } = isFirst ? { lane: 'in', seq: Number(output.item.slice(1)) } : packet
    if (seq <= (world.taken[lane] ?? 0)) return
    put(world.taken, lane, seq)
    world.effects.push(output)
  } else if ('key' in packet) put(world.retained.states, packet.key, packet.document)
  else if ('cursor' in packet) world.retained.cursor = packet.cursor
  else if ('tells' in packet) world.queue.push(packet.tells)
  else {
    world.queue.splice(0, packet.acks)
    world.opened -= packet.acks
  }
}

/** One serial run must explain all effects: each record once, those of a key in order, each on the state that those before
 *  it left, and a timer only when it is set to that instant. */
function wrongEffect({ effects }: World, scenario: Scenario): string | undefined {
  const states: Record<string, Value> = {}
  const seen = new Set<string>()
  for (const effect of effects) {
    const { item, key, list } = effect
    const before = states[key] ?? emptyValue
    if (item.startsWith('timer')) {
      if (Number(item.split('@')[1]) !== before.timer)
        return `${item} took effect while the timer of ${key} was set to ${before.timer || 'nothing'}`
      before.timer = 0
    } else if (seen.has(item)) return `${item} took effect twice`
    else if (before.list.split(' ').some(other => isLater(other, item)))
      return `${item} took effect out of order`
    seen.add(item)
    states[key] = call(scenario, item, { ...before })
    if (states[key].list !== list)
      return `${item} saw another state than those before it left: "${list}", not "${states[key].list}"`
  }
  return undefined
}

const isLater = (other: string, item: string) =>
  other.startsWith('r') && Number(other.slice(1)) > Number(item.slice(1))

/** What is wrong with a world in which nothing more happens. */
function unfinished({ effects, queue, retained }: World, scenario: Scenario): string | undefined {
  if (queue.length > 0) return `stuck with ${queue.length} messages in the session`
  const missing = scenario.records.map((_, i) => `r${i + 1}`).filter(item => !has(effects, item))
  if (missing.length > 0) return `${missing.join(', ')} never took effect`
  if (retained.cursor.failed.length > 0) return 'the cursor still names what failed'
  for (const [key, { value }] of Object.entries(retained.states)) {
    if (value.timer > 0) return `the timer of ${key} never fired`
    if (value.at > 0) return `what waits of ${key} is never tried`
    const last = effects.findLast(effect => effect.key === key)
    if (last?.list !== value.list)
      return `the state of ${key} is "${value.list}", and its last output says "${last?.list}"`
  }
  return undefined
}

const has = (effects: Effect[], item: string) => effects.some(effect => effect.item === item)

const nameOf = (message: Message) => {
  if ('mark' in message) return `the mark of owner ${message.mark}`
  const { lane, seq, item, key, at } = message
  return lane === 'in' ? `record ${item} of ${key}` : `${lane} ${seq}: ${key} at ${at}`
}

function said(packet: Packet): string {
  if ('output' in packet) return `output of ${packet.output.item} as ${packet.lane} ${packet.seq}`
  if ('key' in packet) return `state of ${packet.key}: ${JSON.stringify(packet.document)}`
  if ('cursor' in packet) return `cursor: ${JSON.stringify(packet.cursor)}`
  if ('tells' in packet) return `message to itself: ${nameOf(packet.tells)}`
  return `acknowledgment of ${packet.acks}`
}
