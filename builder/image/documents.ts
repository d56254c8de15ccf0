import { jsonBlob } from './blob.ts'
import type { FunctionImage, ImageParts } from './function-image.ts'
import { knownOf } from './known.ts'
import { inToto, provenanceOf } from './provenance.ts'
import type { Referrer } from './referrers.ts'
import { sbomOf, spdx } from './sbom.ts'

/** What is told about an image beside it: of what it is made, and how. @param name of its repository */
export async function documentsOf(
  parts: ImageParts,
  { root }: FunctionImage,
  name: string,
): Promise<Referrer[]> {
  const { artifact, runtime } = parts
  const known = { ...(artifact && { artifact: await knownOf(artifact) }), runtime: await knownOf(runtime) }
  const { digest } = root.descriptor
  return [
    { artifactType: spdx, documents: sbomOf(parts, known, digest) },
    {
      artifactType: inToto,
      documents: [jsonBlob(inToto, provenanceOf(parts, known, { name, digest }))],
      annotations: { 'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v1' },
    },
  ]
}
