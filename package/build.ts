/** Makes `dist/`, the package: `npm pack ./dist` packs it. Node strips no types below `node_modules`. */
import { execFileSync } from 'node:child_process'
import { cp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { published } from './manifest.ts'

const project = fileURLToPath(new URL('..', import.meta.url))
const dist = resolve(process.argv[2] ?? join(project, 'dist'))

/** What is used as it is. */
const copied = [
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'docs',
  'flows',
  'cli/dyninka.js',
  'cli/template',
  'charts/dyninka',
  'controller/source/git-group.sh',
  'schema/action.yml',
  'schema/dataflow.schema.json',
  'schema/validator.generated.js',
  'schema/validator.generated.d.ts',
]

await rm(dist, { recursive: true, force: true })
const tsc = join(createRequire(import.meta.url).resolve('typescript/package.json'), '..', 'bin', 'tsc')
execFileSync(process.execPath, [tsc, '-p', join(project, 'package', 'tsconfig.json'), '--outDir', dist], {
  stdio: 'inherit',
})
for (const path of copied) {
  await cp(join(project, path), join(dist, path), {
    recursive: true,
    filter: from => !/node_modules|\.dyninka/.test(from.slice(project.length)),
  })
}
const manifest = JSON.parse(await readFile(join(project, 'package.json'), 'utf8'))
await writeFile(join(dist, 'package.json'), `${JSON.stringify(published(manifest), null, 2)}\n`)
