import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/** A folder with `function.mjs`, whose default export is what `file` exports under `name`. */
export async function codeOf(folder: string, file: URL, name: string): Promise<string> {
  await mkdir(folder, { recursive: true })
  const path = fileURLToPath(file)
  await build({
    stdin: { contents: `export { ${name} as default } from ${JSON.stringify(path)}`, resolveDir: folder },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: join(folder, 'function.mjs'),
  })
  return folder
}
