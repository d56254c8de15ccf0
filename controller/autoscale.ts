/** How many hosts a function needs, from what was measured. Pure: samples in, a decision out. */

export interface Sample {
  /** By a clock that only grows, ms. */
  at: number
  /** Records sent to the function and not finished: at least so many, since producers wait when it falls behind. */
  lag: number
  /** Hosts that are up. */
  hosts: number
  /** Records finished per second, all hosts together, since the last sample. */
  rate: number
  /** How busy its hosts, or its lanes, are on average: 0 to 1. */
  load: number
  /** Why its hosts can't be spared, although no work is known of. */
  needed?: string
}

export interface Limits {
  min: number
  max: number
}

export interface ScaleSettings {
  /** More hosts when what waits takes longer than this to work off, in two samples in a row. */
  targetMs: number
  /** How long it must look as if a host fewer were enough. */
  downMs: number
  /** At least so long between two changes. */
  cooldownMs: number
  /** Without any work for so long, the last host goes. */
  quietMs: number
}

export const scaleDefaults: ScaleSettings = {
  targetMs: 2_000,
  downMs: 30_000,
  cooldownMs: 5_000,
  quietMs: 60_000,
}

/** What is remembered from one sample to the next; plain and small. */
export interface Scale {
  hosts: number
  /** Of the last change, for people: `scaled to 3: lag 12 s`. */
  reason: string
  changedAt: number
  /** Samples in a row in which the lag was over the target. */
  late: number
  /** Of the last sample. */
  last?: { at: number; lag: number }
  /** Since when a host fewer would do; none while it would not. */
  spareSince?: number
  /** Since when there is no work; none while there is. */
  quietSince?: number
  /** Makes `downMs` longer after a host was missed as soon as it was gone. */
  patience: number
  lastDownAt?: number
}

/** A host fewer must leave the others below this. */
const calmLoad = 0.6
/** Hosts that are not busy wait for others: more of them would wait, too. */
const busyLoad = 0.5
/** What is worked off in this time is no backlog. */
const noLagMs = 500
/** Hosts that will have worked off in this time what waits are enough. */
const catchUpMs = 10_000
const maxPatience = 8

/** Where a controller begins, or begins again: with what runs. @param running hosts */
export function firstScale({ min, max }: Limits, running: number, at: number): Scale {
  const hosts = Math.min(max, Math.max(min, running))
  return { hosts, reason: '', changedAt: at, late: 0, patience: 1 }
}

/** The next decision. Up by doubling, as soon as two samples say so; down by one, after a while of calm, longer each
 *  time that this turns out to be wrong. To zero only when quiet, and from zero as soon as there is work. */
export function rescale(scale: Scale, sample: Sample, limits: Limits, settings: ScaleSettings): Scale {
  const next = observed(scale, sample, settings)
  const clamped = Math.min(limits.max, Math.max(limits.min, next.hosts))
  if (clamped !== next.hosts)
    return changed(next, sample, clamped, `the limits are ${limits.min} to ${limits.max}`)
  if (next.hosts === 0) return wake(next, sample)
  if (sample.hosts < next.hosts) return { ...next, late: 0 } // the last change still takes effect
  if (isCooling(next, sample, settings)) return next
  if (next.late >= 2 && next.hosts < limits.max) {
    const isRegret = next.lastDownAt !== undefined && sample.at - next.lastDownAt < 10 * settings.downMs
    const patience = isRegret ? Math.min(maxPatience, next.patience * 2) : next.patience
    const hosts = Math.min(limits.max, next.hosts * 2)
    return { ...changed(next, sample, hosts, `lag ${lagText(sample)}`), patience }
  }
  if (next.hosts === 1) return rest(next, sample, limits, settings)
  const isSpare =
    next.spareSince !== undefined && sample.at - next.spareSince >= settings.downMs * next.patience
  if (!isSpare || next.hosts <= limits.min) return next
  const reason = `load ${Math.round(sample.load * 100)} %`
  return { ...changed(next, sample, next.hosts - 1, reason), lastDownAt: sample.at }
}

/** Time in which what waits is worked off; 0 where nothing waits. */
export const lagMs = ({ lag, rate }: Pick<Sample, 'lag' | 'rate'>) =>
  lag === 0 ? 0 : rate > 0 ? (lag / rate) * 1000 : Number.POSITIVE_INFINITY

function observed(scale: Scale, sample: Sample, { targetMs, downMs }: ScaleSettings): Scale {
  const next = { ...scale }
  const isLate = lagMs(sample) > targetMs && sample.load >= busyLoad && !isCatchingUp(scale, sample)
  next.last = { at: sample.at, lag: sample.lag }
  next.late = isLate ? scale.late + 1 : 0
  const loadWithout = (sample.load * sample.hosts) / (scale.hosts - 1)
  const isSpare = scale.hosts > 1 && loadWithout < calmLoad && lagMs(sample) <= noLagMs
  if (!isSpare) delete next.spareSince
  else next.spareSince ??= sample.at
  if (sample.lag > 0 || sample.rate > 0 || sample.needed !== undefined || sample.hosts === 0)
    delete next.quietSince
  else next.quietSince ??= sample.at
  // Long after the last mistake, it is as willing as ever.
  const calmMs = sample.at - Math.max(scale.changedAt, scale.lastDownAt ?? 0)
  if (calmMs > 20 * downMs * scale.patience) next.patience = 1
  return next
}

/** Whether the lag falls fast enough with the hosts there are. */
function isCatchingUp({ last }: Scale, { at, lag }: Sample): boolean {
  if (!last || lag >= last.lag) return false
  return (lag / (last.lag - lag)) * (at - last.at) < catchUpMs
}

function wake(scale: Scale, sample: Sample): Scale {
  if (sample.lag > 0)
    return changed(scale, sample, 1, `${sample.lag} ${sample.lag === 1 ? 'record waits' : 'records wait'}`)
  return sample.needed === undefined ? scale : changed(scale, sample, 1, sample.needed)
}

function rest(scale: Scale, sample: Sample, { min }: Limits, { quietMs }: ScaleSettings): Scale {
  if (min > 0 || scale.quietSince === undefined || sample.at - scale.quietSince < quietMs) return scale
  return changed(scale, sample, 0, `no work for ${seconds(quietMs)}`)
}

/** What was just changed shows its effect first. */
const isCooling = (scale: Scale, sample: Sample, { cooldownMs }: ScaleSettings) =>
  scale.reason !== '' && sample.at - scale.changedAt < cooldownMs

function changed(scale: Scale, { at }: Sample, hosts: number, why: string): Scale {
  const { spareSince: _, quietSince: __, ...rest } = scale
  return { ...rest, hosts, reason: `scaled to ${hosts}: ${why}`, changedAt: at, late: 0 }
}

function lagText(sample: Sample): string {
  const ms = lagMs(sample)
  return Number.isFinite(ms) ? seconds(ms) : `${sample.lag} records`
}

const seconds = (ms: number) => (ms < 1_000 ? `${ms} ms` : `${Math.round(ms / 1000)} s`)
