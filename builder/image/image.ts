import { type Annotations, type Blob, jsonBlob, mediaTypes, type Platform } from './blob.ts'
import type { Layer } from './layer.ts'

/** What a container is started with: the part of a config that the image specification calls so. */
export interface Execution {
  User?: string
  Env?: string[]
  Entrypoint?: string[]
  Cmd?: string[]
  WorkingDir?: string
  Labels?: Annotations
  [other: string]: unknown
}

/** The config of an image: how to run it, and what its layers hold. */
export interface ImageConfig extends Platform {
  created?: string
  config?: Execution
  rootfs: { type: 'layers'; diff_ids: string[] }
  history?: { created?: string; created_by?: string; empty_layer?: boolean; [other: string]: unknown }[]
  [other: string]: unknown
}

export interface ImageManifest {
  schemaVersion: 2
  mediaType: string
  artifactType?: string
  config: Blob['descriptor']
  layers: Blob['descriptor'][]
  subject?: Blob['descriptor']
  annotations?: Annotations
}

export interface ImageIndex {
  schemaVersion: 2
  mediaType: string
  manifests: Blob['descriptor'][]
  annotations?: Annotations
}

/** An image of one platform. */
export interface Image {
  platform: Platform
  manifest: Blob & { content: Uint8Array }
  config: Blob
  layers: Layer[]
}

/** Nothing made here knows the time, or it would have another digest tomorrow. */
const created = '1970-01-01T00:00:00Z'

/** Puts an image together. It depends on these arguments alone. */
export function imageOf(options: {
  platform: Platform
  layers: Layer[]
  execution: Execution
  annotations?: Annotations
}): Image {
  const { platform, layers, execution, annotations } = options
  const document: ImageConfig = {
    created,
    architecture: platform.architecture,
    os: platform.os,
    config: execution,
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history: layers.map(({ createdBy }) => ({ created, created_by: createdBy })),
  }
  const config = jsonBlob(mediaTypes.config, document)
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: config.descriptor,
    layers: layers.map(({ descriptor }) => descriptor),
    ...(annotations && { annotations }),
  }
  return { platform, manifest: jsonBlob(mediaTypes.manifest, manifest, { platform }), config, layers }
}

/** One name for the images of several platforms. */
export function indexOf(manifests: Blob['descriptor'][], annotations?: Annotations) {
  const index: ImageIndex = {
    schemaVersion: 2,
    mediaType: mediaTypes.index,
    manifests,
    ...(annotations && { annotations }),
  }
  return jsonBlob(mediaTypes.index, index)
}

/** All that an image brings along itself. */
export function blobsOf({ config, layers }: Image): Blob[] {
  return [
    config,
    ...layers.flatMap(({ descriptor, content, isShared = false }) =>
      content === undefined ? [] : [{ descriptor, content, isShared }],
    ),
  ]
}
