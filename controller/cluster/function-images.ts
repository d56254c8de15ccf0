import {
  type Base,
  findBase,
  parseReference,
  pullSecretCredentials,
  pushFunctionImage,
  type Reference,
  Registry,
  Repository,
} from '../../builder/image/index.ts'
import type { Workload } from '../orchestrator/orchestrator.ts'

export interface FunctionImagesOptions {
  /** On which images are made: an image of Node in a registry. */
  base: string
  /** Registry and repository below which they are pushed; `http://` before it says that it has no TLS. */
  to: string
  /** Content of a pull secret; without it, registries are asked for no name. */
  dockerConfig?: string
  source?: { url: string; revision(): string | undefined }
}

/** Makes an image of each function, and pushes it where it is not there yet. */
export class FunctionImages {
  #options: FunctionImagesOptions
  #registries = new Map<string, Registry>()
  #to: Reference
  #base: Reference
  #found: Promise<Base> | undefined

  /** @throws Problem when a reference is none, or the pull secret can't be read */
  constructor(options: FunctionImagesOptions) {
    this.#options = options
    this.#to = parseReference(options.to)
    // A registry without TLS is one for images to be made on, too.
    const isSame = options.base.startsWith(`${this.#to.registry.host}/`)
    this.#base = parseReference(isSame ? `${this.#to.registry.scheme}://${options.base}` : options.base)
  }

  /** @returns the image's name, by digest. @throws Problem */
  async of(
    { flow, node, kind, artifact, code, runtime, host }: Workload,
    signal: AbortSignal,
  ): Promise<string> {
    const { reference } = await pushFunctionImage({
      ...(kind === 'function' && { artifact: { digest: artifact, path: code! } }),
      runtime: { digest: runtime, path: host },
      base: await this.#baseImage(signal),
      repository: new Repository(
        this.#registryOf(this.#to),
        `${this.#to.repository}/${flow}/${kind === 'function' ? node : 'host'}`,
        signal,
      ),
      ...this.#source(),
    })
    return reference
  }

  close(): void {
    for (const registry of this.#registries.values()) registry.close()
  }

  /** Looked up once: the same name may mean another image tomorrow, and nothing would say so. */
  #baseImage(signal: AbortSignal): Promise<Base> {
    const { repository, tag, digest } = this.#base
    const at = new Repository(this.#registryOf(this.#base), repository, signal)
    this.#found ??= findBase(at, digest ?? tag ?? 'latest').catch((error: unknown) => {
      this.#found = undefined
      throw error
    })
    return this.#found
  }

  #registryOf({ registry: address }: Reference): Registry {
    const { dockerConfig } = this.#options
    const known = this.#registries.get(address.host)
    const registry =
      known ??
      new Registry(address, {
        credentials: dockerConfig === undefined ? async () => undefined : pullSecretCredentials(dockerConfig),
      })
    this.#registries.set(address.host, registry)
    return registry
  }

  #source() {
    const { source } = this.#options
    const revision = source?.revision()?.split(':').at(-1)
    return source && revision ? { source: { url: source.url, revision } } : {}
  }
}
