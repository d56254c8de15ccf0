export { type BaseImage, type BaseOptions, baseImage } from './base/base.ts'
export { programEntries } from './base/programs.ts'
export { type PushedBase, pushBase } from './base/push-base.ts'
export { type Base, findBase } from './base-reference.ts'
export { functionLayer, runtimeLayer } from './code-layers.ts'
export { paths, user } from './execution.ts'
export {
  type FunctionImage,
  functionImage,
  type ImageParts,
  type ImageSource,
  tagOf,
} from './function-image.ts'
export { blobsOf, type Image, imageOf } from './image.ts'
export { fileLayer } from './layer.ts'
export { type Layout, writeLayout, writeLayoutTar } from './layout.ts'
export { type PushedImage, type PushOptions, pushFunctionImage } from './push-function-image.ts'
export { dockerCredentials, type FindCredentials, pullSecretCredentials } from './registry/credentials.ts'
export { parseReference, type Reference } from './registry/reference.ts'
export { Registry, type RegistryOptions } from './registry/registry.ts'
export { Repository } from './registry/repository.ts'
export { publicKeyOf, signingKey } from './signature.ts'
export type { TarEntry } from './tar.ts'
