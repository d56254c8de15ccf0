import { InvalidArgumentError } from 'commander'

/** `NAME,key=value,…` of an option: its name, and a value of each key. @param keys that there are */
export function partsOf(text: string, keys: readonly string[]): { name: string; values: [string, string][] } {
  const [name = '', ...rest] = text.split(',')
  const values = rest.map((part): [string, string] => {
    const at = part.indexOf('=')
    const key = part.slice(0, Math.max(0, at))
    if (!keys.includes(key))
      throw new InvalidArgumentError(`It has no ${key || part}: there are ${keys.join(', ')}.`)
    return [key, part.slice(at + 1)]
  })
  for (const key of keys)
    if (key !== 'label' && values.filter(([each]) => each === key).length > 1)
      throw new InvalidArgumentError(`It has two of ${key}.`)
  return { name, values }
}
