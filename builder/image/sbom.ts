import type { Package } from '../packages.ts'
import { type Blob, jsonBlob } from './blob.ts'
import type { Code, ImageParts } from './function-image.ts'

/** What is known of an artifact besides its content. */
export interface Known {
  toolchain: string
  inputs: string[]
  packages: Package[]
}

export const spdx = 'application/spdx+json'

/**
 * The bill of materials of an image (SPDX 2.3): the function with its npm packages, and the base by its digest. That of
 * the host is a document of its own, which all images with this host share. They depend on their arguments alone, so they
 * are dated 1970.
 */
export function sbomOf(
  { artifact, runtime, base, source }: ImageParts,
  known: { artifact?: Known; runtime: Known },
  image: string,
): Blob[] {
  const host = { ...jsonBlob(spdx, hostSbom(runtime, known.runtime)), isShared: true }
  if (!artifact || !known.artifact) return [host]
  const from = source ? `git+${source.url}@${source.revision}` : undefined
  const { digest } = host.descriptor
  const document = {
    ...headOf('function', image),
    externalDocumentRefs: [
      {
        externalDocumentId: 'DocumentRef-host',
        spdxDocument: namespaceOf(runtime.digest),
        checksum: { algorithm: 'SHA256', checksumValue: digest.replace('sha256:', '') },
      },
    ],
    packages: [
      part('SPDXRef-function', 'function', artifact.digest, from),
      part('SPDXRef-base', base.name, base.digest),
      ...known.artifact.packages.map(npmPart),
    ],
    relationships: [
      related('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-function'),
      related('SPDXRef-function', 'DEPENDS_ON', 'DocumentRef-host:SPDXRef-host'),
      related('SPDXRef-function', 'DEPENDS_ON', 'SPDXRef-base'),
      ...known.artifact.packages.map(found => related('SPDXRef-function', 'CONTAINS', idOf(found))),
    ],
  }
  return [jsonBlob(spdx, document), host]
}

const hostSbom = ({ digest }: Code, { packages }: Known) => ({
  ...headOf('host', digest),
  packages: [part('SPDXRef-host', 'dyninka host', digest), ...packages.map(npmPart)],
  relationships: [
    related('SPDXRef-DOCUMENT', 'DESCRIBES', 'SPDXRef-host'),
    ...packages.map(found => related('SPDXRef-host', 'CONTAINS', idOf(found))),
  ],
})

const headOf = (name: string, digest: string) => ({
  spdxVersion: 'SPDX-2.3',
  dataLicense: 'CC0-1.0',
  SPDXID: 'SPDXRef-DOCUMENT',
  name,
  documentNamespace: namespaceOf(digest),
  creationInfo: { created: '1970-01-01T00:00:00Z', creators: ['Tool: dyninka'] },
})

const namespaceOf = (digest: string) => `https://dyninka.dev/spdx/${digest.replace(':', '/')}`

const part = (SPDXID: string, name: string, versionInfo: string, downloadLocation = 'NOASSERTION') => ({
  SPDXID,
  name,
  versionInfo,
  downloadLocation,
  filesAnalyzed: false,
})

const npmPart = (found: Package) => ({
  ...part(idOf(found), found.name, found.version),
  ...(found.license && isExpression(found.license) && { licenseDeclared: found.license }),
  externalRefs: [
    { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: packageUrl(found) },
  ],
})

/** Not `SEE LICENSE IN …`, which npm has for what is no expression of SPDX. */
const isExpression = (license: string) => /^[\w.+()-]+( (AND|OR|WITH) [\w.+()-]+)*$/.test(license)

/** Letters, digits, dots and hyphens are all that an identifier may have. */
const idOf = ({ name, version }: Package) =>
  `SPDXRef-npm-${`${name}-${version}`.replaceAll(/[^A-Za-z0-9.-]/g, '-')}`

/** `pkg:npm/%40scope/name@1.2.3` */
export const packageUrl = ({ name, version }: Package) =>
  `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`

const related = (spdxElementId: string, relationshipType: string, relatedSpdxElement: string) => ({
  spdxElementId,
  relationshipType,
  relatedSpdxElement,
})
