/** A plain object of which JSON shows one level: text, numbers, booleans and null. */
export type Flat = Record<string, unknown>

/** Above it a list of columns would be longer than what it saves. */
export const maxFields = 64
/** A larger one is measured exactly, as JSON. */
const maxLength = 16 * 1024
/** Quotes, colon and comma around a name. */
const perField = 4
const perNumber = 6

/** @returns about how many characters it has as JSON; undefined where it is not flat */
export function flatLength(value: unknown): number | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const prototype = Object.getPrototypeOf(value)
  if ((prototype !== Object.prototype && prototype !== null) || isPolluted()) return undefined
  let length = 2
  let fields = 0
  for (const name in value) {
    const field = (value as Flat)[name]
    if (field === undefined) continue
    if (typeof field === 'string') length += field.length + 2
    else if (typeof field === 'number' || typeof field === 'boolean' || field === null) length += perNumber
    else return undefined
    length += name.length + perField
    fields += 1
  }
  return fields > 0 && fields <= maxFields && length <= maxLength ? length : undefined
}

const bare = {}

/** A library has put into every object what a loop over its fields would find. */
function isPolluted(): boolean {
  for (const _ in bare) return true
  return false
}
