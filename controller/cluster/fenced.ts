import type { KubernetesClient } from '../kubernetes/client.ts'
import type { Tenure } from '../tenure.ts'

const writes = new Set<string | symbol>(['apply', 'create', 'replace', 'merge', 'delete'])

/** The same client, which writes nothing once the tenure has ended. */
export function fenced(client: KubernetesClient, tenure: Tenure): KubernetesClient {
  return new Proxy(client, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      if (!writes.has(name)) return value.bind(target)
      return async (...args: unknown[]) => {
        tenure.check()
        return value.apply(target, args)
      }
    },
  })
}
