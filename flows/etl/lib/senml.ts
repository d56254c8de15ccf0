/** A SenML record that stands alone: no base fields, no relative time (RFC 8428, section 4.6). */
export interface Resolved {
  n: string
  u?: string
  v?: number
  vs?: string
  vb?: boolean
  vd?: string
  s?: number
  /** Seconds since the epoch. */
  t: number
  ut?: number
  /** Only if it isn't 10. */
  bver?: number
}

export interface SenmlRecord extends Partial<Resolved> {
  bn?: string
  bt?: number
  bu?: string
  bv?: number
  bs?: number
}

const VERSION = 10
const ABSOLUTE = 2 ** 28 // a time below it is relative to now
const NAME = /^[A-Za-z0-9][A-Za-z0-9\-:./_]*$/
const BASE64URL = /^([\w-]{4})*([\w-]{2,3})?$/
const TYPES = {
  string: ['bn', 'bu', 'n', 'u', 'vs', 'vd'],
  number: ['bt', 'bv', 'bs', 'bver', 'v', 's', 't', 'ut'],
  boolean: ['vb'],
}
const VALUES = ['v', 'vs', 'vb', 'vd'] as const

/** The records of a pack, resolved and in chronological order. `now` is in seconds since the epoch.
 *  @throws TypeError for what RFC 8428 forbids */
export function resolve(pack: unknown, now: number): Resolved[] {
  if (!Array.isArray(pack) || pack.length === 0) throw new TypeError('a SenML pack is a list of records')
  let base: SenmlRecord = { bver: pack[0]?.bver ?? VERSION }
  const resolved = pack.map((record: unknown) => {
    check(record)
    const { bn, bt, bu, bv, bs, bver } = { ...base, ...record }
    if (bver !== base.bver) throw new TypeError('all records of a pack have the same bver')
    base = { bn, bt, bu, bv, bs, bver }
    return resolveRecord(record, base, now)
  })
  return resolved.sort((a, b) => a.t - b.t)
}

function resolveRecord(record: SenmlRecord, base: SenmlRecord, now: number): Resolved {
  const n = (base.bn ?? '') + (record.n ?? '')
  if (!NAME.test(n)) throw new TypeError(`"${n}" is no SenML name`)

  const time = (base.bt ?? 0) + (record.t ?? 0)
  const resolved: Resolved = { n, t: time < ABSOLUTE ? now + time : time }
  const values = VALUES.filter(label => record[label] !== undefined)
  for (const label of values) Object.assign(resolved, { [label]: record[label] })
  if (resolved.v !== undefined) resolved.v += base.bv ?? 0
  if ((record.s ?? base.bs) !== undefined) resolved.s = (record.s ?? 0) + (base.bs ?? 0)
  if (values.length > 1 || (values.length === 0 && resolved.s === undefined))
    throw new TypeError(`${n} needs exactly one of v, vs, vb, vd, or a sum`)

  if ((record.u ?? base.bu) !== undefined) resolved.u = record.u ?? base.bu
  if (record.ut !== undefined) resolved.ut = record.ut
  if (base.bver !== VERSION) resolved.bver = base.bver
  return resolved
}

function check(record: unknown): asserts record is SenmlRecord {
  if (typeof record !== 'object' || record === null || Array.isArray(record))
    throw new TypeError('a SenML record is an object')
  const fields = new Map<string, unknown>(Object.entries(record))
  for (const [type, labels] of Object.entries(TYPES))
    for (const label of labels)
      if (fields.has(label) && typeof fields.get(label) !== type) throw new TypeError(`${label} is a ${type}`)
  for (const label of fields.keys())
    if (label.endsWith('_')) throw new TypeError(`${label} must be understood, and isn't`)
  const { vd = '', bver = VERSION } = record as SenmlRecord
  if (!BASE64URL.test(vd)) throw new TypeError('vd is base64url without padding')
  if (!Number.isInteger(bver) || bver < 1 || bver > VERSION)
    throw new TypeError(`bver ${bver} is not understood`)
}
