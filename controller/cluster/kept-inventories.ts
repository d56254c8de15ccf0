import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { Problem } from '../../schema/problem.ts'
import type { Inventories, Inventory } from '../inventory.ts'
import { isConflict, isNotFound } from '../kubernetes/api-problem.ts'
import type { KubernetesClient } from '../kubernetes/client.ts'
import { type KubernetesObject, resources } from '../kubernetes/resource.ts'
import type { DataflowResource } from './resource.ts'

interface ConfigMap extends KubernetesObject {
  binaryData?: Record<string, string>
}

export interface KeptInventoriesOptions {
  client: Pick<KubernetesClient, 'get' | 'create' | 'replace'>
  /** Whose inventories they are. */
  resource: DataflowResource
  /** Of this process. */
  identity: string
  /** Aborts when this process may write no more. */
  signal: AbortSignal
  /** The Dataflow is on its way out: where the ConfigMap is gone, none is made. */
  leaving?: { known: Inventory[] }
}

/** Who writes it: who finds another name there writes no more. */
const holderAnnotation = 'dyninka.dev/holder'
const field = 'inventory.json.gz'
// A ConfigMap takes 1 MiB, with all that is around this.
const maxBytes = 700_000

export const inventoryName = (dataflow: string) => `${dataflow}-inventory`

/** Inventories of one Dataflow, in a ConfigMap that goes with it. All of them are one object, so that what is handed from
 *  one to the other is never in both or in none. Each write asks for the version that it knows: of two controllers,
 *  one writes. */
export class KeptInventories implements Inventories {
  /** How often the API was written. */
  writes = 0
  #options: KeptInventoriesOptions
  #object: ConfigMap
  #texts: Map<string, string>
  /** As it was written last. */
  #written: string
  #writing: Promise<void> = Promise.resolve()

  /** Reads what an earlier controller left, and takes it over: its next write fails. @throws Problem */
  static async open(options: KeptInventoriesOptions): Promise<KeptInventories> {
    const { client, resource, identity, signal } = options
    const { name, namespace } = resource.metadata
    const place = { name: inventoryName(name), namespace: namespace!, signal }
    const found = await client.get<ConfigMap>(resources.ConfigMap, place)
    if (!found && options.leaving)
      return new KeptInventories(
        options,
        await objectOf(options, '[]'),
        JSON.stringify(options.leaving.known),
      )
    if (!found) {
      const object = await client.create(resources.ConfigMap, await objectOf(options, '[]'), { signal })
      return new KeptInventories(options, object, '[]')
    }
    const text = await textOf(found)
    const isMine = found.metadata.annotations?.[holderAnnotation] === identity && isOwnedBy(found, resource)
    const object = isMine
      ? found
      : await client.replace(resources.ConfigMap, await objectOf(options, text, found), { signal })
    return new KeptInventories(options, object, text)
  }

  private constructor(options: KeptInventoriesOptions, object: ConfigMap, text: string) {
    this.#options = options
    this.#object = object
    this.#written = text
    const inventories = (JSON.parse(text) as Inventory[]).filter(({ v }) => v === 1)
    this.#texts = new Map(inventories.map(inventory => [inventory.name, JSON.stringify(inventory)]))
  }

  all(): Inventory[] {
    return [...this.#texts.values()].map(text => JSON.parse(text) as Inventory)
  }

  save(inventory: Inventory): void {
    this.#texts.set(inventory.name, JSON.stringify(inventory))
  }

  remove(name: string): void {
    this.#texts.delete(name)
  }

  settled(): Promise<void> {
    this.#writing = this.#writing.catch(() => {}).then(() => this.#write())
    return this.#writing
  }

  async #write(): Promise<void> {
    const text = `[${[...this.#texts.values()].join(',')}]`
    if (text === this.#written) return
    const { client, signal } = this.#options
    signal.throwIfAborted()
    const object = await objectOf(this.#options, text, this.#object)
    try {
      this.#object = await client.replace(resources.ConfigMap, object, { signal })
    } catch (error) {
      if (isConflict(error)) return this.#reread(error)
      if (!isNotFound(error)) throw error
      if (this.#options.leaving) return
      // Somebody deleted it: what we know is all there is.
      this.#object = await client.create(resources.ConfigMap, await objectOf(this.#options, text), { signal })
    }
    this.#written = text
    this.writes += 1
  }

  /** Somebody has written it. Where that was no controller, it is written again. */
  async #reread(error: unknown): Promise<void> {
    const { client, identity, signal } = this.#options
    const { name, namespace } = this.#object.metadata
    const found = await client.get<ConfigMap>(resources.ConfigMap, { name, namespace: namespace!, signal })
    const holder = found?.metadata.annotations?.[holderAnnotation]
    if (found && holder !== identity) throw taken(name, holder, error)
    if (found) this.#object = found
    else delete this.#object.metadata.resourceVersion
    this.#written = found ? await textOf(found) : ''
    return this.#write()
  }
}

const taken = (name: string, holder: string | undefined, cause: unknown) =>
  new Problem('InventoryTaken', `another controller, ${holder ?? 'without a name'}, has taken over ${name}`, {
    disposition: 'waiting',
    hint: 'Give controllers selectors under which no Dataflow comes twice, or one Lease.',
    cause,
  })

const isOwnedBy = ({ metadata }: ConfigMap, resource: DataflowResource) =>
  metadata.ownerReferences?.some(({ uid }) => uid === resource.metadata.uid) === true

const pack = promisify(gzip)
const unpack = promisify(gunzip)

async function objectOf(
  { resource, identity }: KeptInventoriesOptions,
  text: string,
  before?: ConfigMap,
): Promise<ConfigMap> {
  const { name, namespace, uid } = resource.metadata
  const packed = await pack(text)
  if (packed.length > maxBytes) {
    throw new Problem(
      'InventoryTooLarge',
      `what is known of ${name} takes ${packed.length} bytes, and a ConfigMap has room for ${maxBytes}`,
      { disposition: 'stalled', hint: 'Cut it into several dataflows.' },
    )
  }
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      ...(before?.metadata ?? { name: inventoryName(name), namespace: namespace! }),
      labels: {
        ...before?.metadata.labels,
        'app.kubernetes.io/managed-by': 'dyninka',
        'dyninka.dev/inventory-of': name,
      },
      annotations: { ...before?.metadata.annotations, [holderAnnotation]: identity },
      ownerReferences: [{ apiVersion: resource.apiVersion, kind: resource.kind, name, uid: uid! }],
    },
    binaryData: { [field]: packed.toString('base64') },
  }
}

async function textOf({ binaryData }: ConfigMap): Promise<string> {
  const packed = binaryData?.[field]
  if (packed === undefined) return '[]'
  try {
    return (await unpack(Buffer.from(packed, 'base64'))).toString()
  } catch (cause) {
    throw new Problem('InventoryUnreadable', 'what an earlier controller wrote down can not be read', {
      disposition: 'stalled',
      hint: 'Delete the ConfigMap that status.inventory names: what runs is found again by its labels.',
      cause,
    })
  }
}
