import { readFile } from 'node:fs/promises'
import { isBuiltin } from 'node:module'
import { join } from 'node:path'
import { type BuildFailure, build, type Metafile } from 'esbuild'
import type { Finding } from '../schema/finding.ts'
import type { Dependencies } from './dependencies.ts'
import { diagnose, locate } from './diagnosis.ts'
import { importsPlugin } from './imports.ts'
import { installationOf, isInstalled, withoutInstallation } from './installed.ts'
import { type Package, packagesOf } from './packages.ts'
import { bundleOptions, requireBanner } from './toolchain.ts'

/** A function as one ES module. */
export interface Bundle {
  files: { 'function.mjs': Uint8Array; 'function.mjs.map': Uint8Array }
  /** Relative to root; packages as `node_modules/…`. */
  inputs: string[]
  packages: Package[]
  /** What esbuild read and resolved, with its own paths. */
  metafile: Metafile
}

export const maxBundleBytes = 10 * 1024 * 1024

/**
 * Bundles one function. Nothing of it runs.
 * @param root real path of the top of the tree
 * @param code path of the function's file, relative to root
 */
export async function bundle(
  root: string,
  code: string,
  dependencies: Dependencies,
): Promise<Bundle | { findings: Finding[] }> {
  let result: Awaited<ReturnType<typeof runEsbuild>>
  try {
    result = await runEsbuild(root, code, dependencies)
  } catch (error) {
    const { errors } = error as BuildFailure
    if (!Array.isArray(errors)) throw error
    return { findings: await diagnose(root, code, errors) }
  }
  const { metafile, outputFiles } = result
  const output = Object.values(metafile.outputs).find(output => output.entryPoint !== undefined)!
  const findings = [
    ...(await inputsOutside(root, metafile)),
    ...(output.exports.includes('default') ? [] : [noDefaultExport(output.entryPoint!)]),
  ]
  const script = outputFiles.find(file => file.path.endsWith('.mjs'))!
  const map = outputFiles.find(file => file.path.endsWith('.map'))!
  if (script.contents.length > maxBundleBytes) findings.push(tooLarge(code, script.contents.length, metafile))
  if (findings.length) return { findings }
  return {
    files: portable(script.text, map.text, Object.keys(metafile.inputs)),
    inputs: Object.keys(metafile.inputs).map(withoutInstallation),
    packages: await packagesOf(root, Object.keys(metafile.inputs)),
    metafile,
  }
}

const runEsbuild = (root: string, code: string, dependencies: Dependencies) =>
  build({
    ...bundleOptions,
    absWorkingDir: root,
    entryPoints: [join(root, code)],
    outfile: 'function.mjs',
    plugins: [importsPlugin(dependencies)],
  })

/** Takes out what names this machine, so that the same sources give the same bytes on every other. */
function portable(script: string, mapText: string, inputs: string[]): Bundle['files'] {
  const map = JSON.parse(mapText)
  map.sources = map.sources.map(withoutInstallation)
  const needsRequire = script.includes('Dynamic require of "')
  const installation = inputs.map(installationOf).find(path => path !== undefined)
  const code =
    (needsRequire ? requireBanner : '') + (installation ? script.replaceAll(installation, '') : script)
  return { 'function.mjs': Buffer.from(code), 'function.mjs.map': Buffer.from(JSON.stringify(map)) }
}

/** Files that esbuild reached through `..` or a symbolic link. */
async function inputsOutside(root: string, metafile: Metafile): Promise<Finding[]> {
  const findings: Finding[] = []
  for (const [importer, input] of Object.entries(metafile.inputs)) {
    for (const { path, original } of input.imports) {
      if (isInside(path) || isBuiltin(path)) continue
      const text = await readFile(join(root, importer), 'utf8')
      findings.push(outside(importer, path, locate(text, original ?? path)))
    }
  }
  const entry = Object.values(metafile.outputs).find(output => output.entryPoint !== undefined)!.entryPoint!
  if (!isInside(entry)) findings.push(outside(entry, entry, { line: 1, column: 1 }))
  return findings
}

const isInside = (path: string) => !/^(\.\.\/|\/|[a-zA-Z]:)/.test(path) || isInstalled(path)

const outside = (file: string, path: string, at: { line: number; column: number }): Finding => ({
  file,
  ...at,
  code: 'outside-repository',
  message: `this leads to ${path.split('/').at(-1)}, a file outside the repository`,
  hint: 'Copy the file into the repository, and replace the symbolic link if there is one.',
})

const noDefaultExport = (file: string): Finding => ({
  file,
  line: 1,
  column: 1,
  code: 'no-default-export',
  message: 'the file has no default export, so there is no function to run',
  hint: 'Write `export default function name(record, ctx) { … }`.',
})

function tooLarge(code: string, bytes: number, metafile: Metafile): Finding {
  const output = Object.values(metafile.outputs).find(output => output.entryPoint !== undefined)!
  const [largest] = Object.entries(output.inputs).toSorted((a, b) => b[1].bytesInOutput - a[1].bytesInOutput)
  const name = largest && withoutInstallation(largest[0])
  return {
    file: code,
    line: 1,
    column: 1,
    code: 'bundle-too-large',
    message: `the bundle has ${megabytes(bytes)} MB; ${megabytes(maxBundleBytes)} MB is the limit`,
    hint: `Import less: the largest part is ${name}, ${megabytes(largest?.[1].bytesInOutput ?? 0)} MB.`,
  }
}

const megabytes = (bytes: number) => (bytes / 1024 / 1024).toFixed(1)
