export type { Artifact } from './artifact.ts'
export { type BuildOptions, type BuildResult, type Built, build } from './build.ts'
export { hostBundle } from './host-bundle.ts'
export { artifactPath, findArtifact, pruneStore } from './store.ts'
