import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Plugin } from 'esbuild'
import type { Artifact } from './artifact.ts'
import { packagesOf } from './packages.ts'
import { keepArtifact } from './store.ts'
import { bundleOptions, requireBanner, toolchain } from './toolchain.ts'

const project = fileURLToPath(new URL('..', import.meta.url))

/** A host sends latencies as JSON. What would write them as Protobuf is never called, and needs a package that the
 *  library does not name. */
const withoutProtobuf: Plugin = {
  name: 'without-protobuf',
  setup({ onResolve }) {
    onResolve({ filter: /[\\/]proto[\\/]compiled$/ }, ({ path }) => ({ path, external: true }))
  },
}

/**
 * The host with all it needs as one file, `host.mjs`: it starts fast and needs no `node_modules` beside it.
 * @param entry the program, relative to this project
 */
export async function hostBundle(
  store: string,
  entry = `runtime/host${extname(import.meta.url)}`,
): Promise<Artifact> {
  const { outputFiles, metafile } = await build({
    ...bundleOptions,
    absWorkingDir: project,
    entryPoints: [entry],
    outfile: 'host.mjs',
    sourcemap: false, // Node would keep it in memory in every host: 16 MB
    alias: { 'readable-stream': 'node:stream' }, // the codec's copy for old Nodes is 40 % of the bundle
    banner: { js: requireBanner },
    plugins: [withoutProtobuf],
  })
  const files = Object.fromEntries(outputFiles.map(file => [file.path.split(/[\\/]/).at(-1)!, file.contents]))
  const inputs = Object.keys(metafile.inputs)
  const packages = await packagesOf(project, inputs)
  const kept = await keepArtifact(store, { toolchain, files, inputs, packages })
  return kept.artifact
}
