import type { ImageParts } from './function-image.ts'
import { type Known, packageUrl } from './sbom.ts'

export const inToto = 'application/vnd.in-toto+json'

/** How an image came to be: an in-toto statement with the predicate of SLSA 1.0. It depends on its arguments alone, so it
 *  names no build, no machine and no time. */
export function provenanceOf(
  { artifact, runtime, base, source }: ImageParts,
  known: { artifact?: Known; runtime: Known },
  image: { name: string; digest: string },
): object {
  const resolvedDependencies = [
    ...(source ? [{ uri: `git+${source.url}`, digest: { gitCommit: source.revision } }] : []),
    { uri: `oci://${base.name}`, digest: sha256Of(base.digest) },
    { uri: 'dyninka:host', digest: sha256Of(runtime.digest) },
    ...(known.artifact?.packages ?? []).map(found => ({ uri: packageUrl(found) })),
  ]
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: image.name, digest: sha256Of(image.digest) }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'https://dyninka.dev/function-image/v1',
        externalParameters: {
          ...(artifact && { artifact: artifact.digest, inputs: ownInputs(known.artifact) }),
        },
        internalParameters: toolchainOf(known.artifact ?? known.runtime),
        resolvedDependencies,
      },
      runDetails: { builder: { id: 'https://dyninka.dev/builder' } },
    },
  }
}

/** Packages are among the dependencies. */
const ownInputs = (known: Known | undefined) =>
  known?.inputs.filter(path => !path.includes('node_modules/')) ?? []

const sha256Of = (digest: string) => ({ sha256: digest.replace('sha256:', '') })

function toolchainOf({ toolchain }: Known): { esbuild?: string; node?: number } {
  try {
    const { esbuild, node } = JSON.parse(toolchain)
    return { esbuild, node }
  } catch {
    return {} // of a store that was written by hand
  }
}
