import { cpuMillis, memoryBytes } from '../../../schema/quantity.ts'

/** Path of the first field that we set and that is otherwise in `live`; undefined when all are as we want them.
 *  What others have added, and what the server has filled in, is none of ours. */
export function drift(wanted: unknown, live: unknown, path = ''): string | undefined {
  if (Array.isArray(wanted)) return ofList(wanted, live, path)
  if (wanted !== null && typeof wanted === 'object') {
    // The server leaves an empty object out.
    if (live === undefined && Object.keys(wanted).length === 0) return undefined
    if (live === null || typeof live !== 'object') return path
    for (const [key, value] of Object.entries(wanted)) {
      const found = drift(value, (live as Record<string, unknown>)[key], path === '' ? key : `${path}.${key}`)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (wanted === live) return undefined
  // The server leaves an empty value of a variable out.
  if (wanted === '' && live === undefined) return undefined
  return sameQuantity(wanted, live, path) ? undefined : path
}

/** Lists of things with names (and of ports) are maps to the API, in any order and with others between; other lists
 *  are one value. */
function ofList(wanted: unknown[], live: unknown, path: string): string | undefined {
  if (!Array.isArray(live)) return wanted.length === 0 && live === undefined ? undefined : path
  const key = keys.find(key => wanted.length > 0 && wanted.every(item => isObject(item) && key in item))
  if (key === undefined) {
    if (live.length !== wanted.length) return path
    for (const [index, item] of wanted.entries()) {
      const found = drift(item, live[index], `${path}[${index}]`)
      if (found !== undefined) return found
    }
    return undefined
  }
  for (const item of wanted as Record<string, unknown>[]) {
    const other = live.find(other => isObject(other) && other[key] === item[key])
    const found = drift(item, other, `${path}[${item[key]}]`)
    if (found !== undefined) return found
  }
  return undefined
}

const keys = ['mountPath', 'containerPort', 'name']

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object'

/** The server writes quantities in its own way: `67108864` may come back as `64Mi`. */
function sameQuantity(wanted: unknown, live: unknown, path: string): boolean {
  if (typeof wanted !== 'string' || typeof live !== 'string') return false
  if (path.endsWith('.cpu')) return cpuMillis(wanted) === cpuMillis(live)
  if (path.endsWith('.memory') || path.endsWith('.sizeLimit'))
    return memoryBytes(wanted) === memoryBytes(live)
  return false
}
