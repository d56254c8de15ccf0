import { Model } from './model.ts'
import type { Entered } from './records.ts'

/** What reaches the sink. */
export type Arrived =
  | { kind: 'joined'; k: string; n: number; v: number; id: string; count: number; sum: number; hash: number }
  | { kind: 'tally'; g: string; k: string; n: number; v: number; count: number; sum: number }
  | { kind: 'pulse'; k: string; from: number; to: number; sum: number }
  | { kind: 'odd'; at: string; k: string; n: number; after: number; id: string }

export interface Verdict {
  sent: number
  delivered: number
  lost: number
  duplicated: number
  reordered: number
  stateErrors: number
  /** Allowed: records that came again at the edges of the graph, by a fault that reaches these. */
  edgeRepeats: { source: number; sink: number }
  /** The first of what is wrong, for people. */
  problems: string[]
}

const maxProblems = 30
/** A source can bring again only what was under way: far less than this. */
const rememberedIds = 2_000
const rememberedPulses = 200
/** Messages at the sink after a fault among which repeats are allowed: some times what can be inside. */
const usualAftermath = 4_000

interface Key {
  sent: number
  g: string
  joined: Seen
  tallied: Seen
  /** The last number that a pulse has told. */
  pulsed: number
  /** By its first number: the last ones that were told. */
  pulses: Map<number, string>
  /** By number: the id that the source gave to the record that counted. */
  ids: Map<number, string>
  /** Repeats before the sink, told before the record that they repeat has arrived, by number. */
  repeats: Map<number, Repeat[]>
}

interface Repeat {
  id: string
  /** A fault that reaches the edges was when it was told. */
  isAllowed: boolean
}

interface Group {
  count: number
  sum: number
  /** By count: what was told with it. */
  told: Map<number, string>
}

/** Which numbers have come, in a sequence that should be 1, 2, 3, … */
class Seen {
  last = 0
  count = 0
  #missing = new Set<number>()

  /** @returns how it comes */
  add(n: number): 'next' | 'late' | 'again' {
    if (n <= this.last) {
      if (!this.#missing.delete(n)) return 'again'
      this.count += 1
      return 'late'
    }
    for (let m = this.last + 1; m < n; m++) this.#missing.add(m)
    this.last = n
    this.count += 1
    return 'next'
  }
}

/** Of a key: how many have come every way. */
const through = ({ joined, tallied, pulsed }: Key) => Math.min(joined.count, tallied.count, pulsed)

/** Judges what reaches the sink by what was sent. Knows the functions of the dataflow, and nothing of how they run. */
export class Checker {
  #model = new Model()
  #aftermath: number
  #keys = new Map<string, Key>()
  #groups = new Map<string, Group>()
  /** By place and key: what came at a place inside the graph. */
  #inside = new Map<string, Seen>()
  /** Odd things that were told: a message of the sink may come again. */
  #told = new Set<string>()
  #sent = 0
  #delivered = 0
  #arrivals = 0
  /** Faults that reach the edges and are under way. */
  #disturbances = 0
  #disturbedUntil = 0
  #verdict = { duplicated: 0, reordered: 0, stateErrors: 0 }
  #edgeRepeats = { source: 0, sink: 0 }
  #problems: string[] = []
  #toldWrong = new Set<string>()

  constructor(aftermath = usualAftermath) {
    this.#aftermath = aftermath
  }

  sent(record: Entered): void {
    this.#model.add(record)
    this.#sent += 1
    let key = this.#keys.get(record.k)
    if (!key) {
      key = {
        sent: 0,
        g: record.g,
        joined: new Seen(),
        tallied: new Seen(),
        pulsed: 0,
        pulses: new Map(),
        ids: new Map(),
        repeats: new Map(),
      }
      this.#keys.set(record.k, key)
    }
    key.sent += 1
  }

  /** A fault reaches the edges: what was under way there may come in or leave again. @returns to be called at its end */
  disturbEdges(): () => void {
    this.#disturbances += 1
    return () => {
      this.#disturbances -= 1
      this.#disturbedUntil = this.#arrivals + this.#aftermath
    }
  }

  get #edgesDisturbed() {
    return this.#disturbances > 0 || this.#arrivals <= this.#disturbedUntil
  }

  get delivered(): number {
    return this.#delivered
  }

  /** Sent, and not yet through. */
  get inFlight(): number {
    return this.#sent - this.#delivered
  }

  take(arrived: Arrived) {
    this.#arrivals += 1
    const key = this.#keys.get(arrived.k)
    if (!key || (arrived.kind === 'pulse' ? arrived.to : arrived.n) > key.sent)
      return this.#stateError(`nobody sent ${JSON.stringify(arrived)}`)
    if (arrived.kind === 'odd') return this.#odd(key, arrived)
    const before = through(key)
    if (arrived.kind === 'joined') this.#joined(key, arrived)
    else if (arrived.kind === 'tally') this.#tallied(key, arrived)
    else this.#pulsed(key, arrived)
    this.#delivered += through(key) - before
  }

  /** To be asked once nothing is under way any more, or nothing comes. */
  verdict(): Verdict {
    let lost = 0
    for (const [k, key] of this.#keys) {
      const missing = key.sent - through(key)
      lost += missing
      if (missing > 0)
        this.#problem(
          `${missing} of ${k} lost: sent ${key.sent}, joined ${key.joined.count}, tallied ${key.tallied.count}, ` +
            `pulsed ${key.pulsed}`,
        )
      // A repeat of a record that never arrived took its place: it is told as lost above.
    }
    return {
      sent: this.#sent,
      delivered: this.#delivered,
      lost,
      ...this.#verdict,
      edgeRepeats: { ...this.#edgeRepeats },
      problems: [...this.#problems],
    }
  }

  #joined(key: Key, joined: Extract<Arrived, { kind: 'joined' }>) {
    const { k, n, v, id, count, sum, hash } = joined
    const expected = this.#model.at(k, n)!
    const isRight = v === expected.v && count === n && sum === expected.sum && hash === expected.hash
    const how = key.joined.add(n)
    if (how === 'again') return this.#again(isRight && (key.ids.get(n) ?? id) === id, joined)
    if (how === 'late') this.#reordered(joined)
    if (!isRight)
      this.#stateError(`${JSON.stringify(joined)} should be ${JSON.stringify({ count: n, ...expected })}`)
    key.ids.set(n, id)
    key.ids.delete(n - rememberedIds)
    for (const repeat of key.repeats.get(n) ?? []) this.#repeat(repeat, id, joined)
    key.repeats.delete(n)
  }

  #tallied(key: Key, tally: Extract<Arrived, { kind: 'tally' }>) {
    const { g, k, n, v, count, sum } = tally
    let group = this.#groups.get(g)
    if (!group) {
      group = { count: 0, sum: 0, told: new Map() }
      this.#groups.set(g, group)
    }
    const text = `${k}/${n}/${sum}`
    const how = key.tallied.add(n)
    if (how === 'again') return this.#again(group.told.get(count) === text, tally)
    if (how === 'late') this.#reordered(tally)
    const isRight =
      g === key.g && v === this.#model.at(k, n)!.v && count === group.count + 1 && sum === group.sum + v
    if (!isRight)
      this.#stateError(`${JSON.stringify(tally)} comes after count ${group.count} and sum ${group.sum}`)
    group.count = count
    group.sum = sum
    group.told.set(count, text)
    group.told.delete(count - rememberedIds)
  }

  /** What a timer tells: the numbers after those that it told before, once. */
  #pulsed(key: Key, pulse: Extract<Arrived, { kind: 'pulse' }>) {
    const { k, from, to, sum } = pulse
    const text = `${to}/${sum}`
    if (from <= key.pulsed) return this.#again(key.pulses.get(from) === text, pulse)
    if (from !== key.pulsed + 1) this.#reordered(pulse)
    if (sum !== this.#model.sumOf(k, from, to))
      this.#stateError(`${JSON.stringify(pulse)} should have the sum ${this.#model.sumOf(k, from, to)}`)
    key.pulsed = to
    key.pulses.set(from, text)
    if (key.pulses.size > rememberedPulses) key.pulses.delete(key.pulses.keys().next().value!)
  }

  #odd(key: Key, odd: Extract<Arrived, { kind: 'odd' }>) {
    const { at, k, n, after, id } = odd
    const text = JSON.stringify(odd)
    if (this.#told.has(text)) return this.#again(true, odd)
    this.#told.add(text)
    const place = `${at}/${k}`
    let seen = this.#inside.get(place)
    if (!seen) {
      seen = new Seen()
      this.#inside.set(place, seen)
    }
    if (after > seen.last) {
      // All up to there came in order: nothing was told of it.
      seen.last = after
    }
    const how = seen.add(n)
    if (how === 'next') this.#problem(`a gap: ${JSON.stringify(odd)}`)
    else if (how === 'late') this.#reordered(odd)
    else if (at !== 'stamp') this.#duplicated(odd)
    else {
      const repeat = { id, isAllowed: this.#edgesDisturbed }
      const first = key.ids.get(n)
      if (first !== undefined) this.#repeat(repeat, first, odd)
      else if (n <= key.joined.last - rememberedIds) this.#duplicated(odd)
      else key.repeats.set(n, [...(key.repeats.get(n) ?? []), repeat])
    }
  }

  /** A record that came twice to the first function: numbered anew at the source, or taken twice from its edge? */
  #repeat({ id, isAllowed }: Repeat, first: string, about: Arrived) {
    if (id !== first && isAllowed) this.#edgeRepeats.source += 1
    else this.#duplicated(about)
  }

  #again(isSame: boolean, arrived: Arrived) {
    if (isSame && this.#edgesDisturbed) this.#edgeRepeats.sink += 1
    else this.#duplicated(arrived)
  }

  #duplicated(arrived: Arrived) {
    this.#verdict.duplicated += 1
    this.#problem(`twice: ${JSON.stringify(arrived)}`)
  }

  #reordered(arrived: Arrived) {
    this.#verdict.reordered += 1
    this.#problem(`out of order: ${JSON.stringify(arrived)}`)
  }

  #stateError(text: string) {
    this.#verdict.stateErrors += 1
    this.#problem(`wrong: ${text}`)
  }

  /** The first of each kind and key: what follows from a loss would hide all others. */
  #problem(text: string) {
    const about = `${text.split(':', 1)} ${/"k":"[^"]*"/.exec(text)}`
    if (about.startsWith('wrong') && this.#toldWrong.has(about)) return
    this.#toldWrong.add(about)
    if (this.#problems.length < maxProblems) this.#problems.push(text)
  }
}

export const hasFault = ({ lost, duplicated, reordered, stateErrors }: Verdict): boolean =>
  lost + duplicated + reordered + stateErrors > 0
