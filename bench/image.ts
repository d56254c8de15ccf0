import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { findBase, pushFunctionImage, Repository } from '../builder/image/index.ts'
import { makeImagePlace, pushTinyBase, source } from '../test/support/image-place.ts'
import { hasRegistry, startRegistry } from '../test/support/registry.ts'
import { type Bench, median } from './figure.ts'

/** What it takes to push a function that changed to Debian's docker-registry: an index of two platforms, with bill of
 *  materials and provenance. Base and host are there, and connections are open, as in a controller that runs. */
export default {
  name: 'image',
  async run({ runs }) {
    if (!hasRegistry())
      throw new Error('it needs docker-registry, skopeo and htpasswd: test/support/install-servers')
    const place = await makeImagePlace()
    const registry = await startRegistry()
    try {
      const client = place.registry(registry.host)
      const { digest } = await pushTinyBase(client)
      const base = await findBase(new Repository(client, 'base'), digest)
      const repository = new Repository(client, 'flows/bench')
      const push = async (i: number) => {
        const artifact = await place.artifact(`export default (n: number) => n + ${i}\n`)
        const before = registry.requests().length
        const pushed = await pushFunctionImage({ artifact, runtime: place.runtime, base, source, repository })
        const requests = registry.requests().length - before
        const again = await pushFunctionImage({ artifact, runtime: place.runtime, base, source, repository })
        const files = ['function.mjs', 'function.mjs.map'].map(name => stat(join(artifact.path, name)))
        const bundle = (await Promise.all(files)).reduce((sum, { size }) => sum + size, 0)
        return { ...pushed, beside: pushed.bytesPushed - bundle, requests, againMs: again.ms }
      }
      for (let i = 0; i < 3; i++) await push(i) // the host goes along with the first
      const pushes: Awaited<ReturnType<typeof push>>[] = []
      for (let i = 0; i < runs * 4; i++) pushes.push(await push(100 + i))
      const middle = (key: 'ms' | 'beside' | 'requests' | 'againMs') => median(pushes.map(push => push[key]))
      return [
        {
          name: 'bytes for a changed function, beside its bundle',
          value: middle('beside'),
          unit: 'B',
          goal: 10_240,
          better: 'lower',
        },
        { name: 'time for a changed function', value: middle('ms'), unit: 'ms', goal: 100, better: 'lower' },
        { name: 'requests', value: middle('requests'), unit: '', better: 'lower' },
        { name: 'time for one that is there', value: middle('againMs'), unit: 'ms', better: 'lower' },
      ]
    } finally {
      await place.remove()
      await registry.close()
    }
  },
} satisfies Bench
