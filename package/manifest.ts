/** The fields of `package.json` that say something of its files. */
export interface Manifest {
  [field: string]: unknown
  exports: Record<string, string>
  sideEffects: string[]
}

/** The `package.json` of the package, whose TypeScript is JavaScript and declarations. While this one is `private`, so
 *  is that: npm refuses to publish it. */
export function published({ scripts, devDependencies, allowScripts, ...manifest }: Manifest) {
  return {
    ...manifest,
    exports: Object.fromEntries(Object.entries(manifest.exports).map(([name, at]) => [name, compiled(at)])),
    sideEffects: manifest.sideEffects.filter(at => !/^\.\/(bench|test)\//.test(at)).map(toJavaScript),
  }
}

const compiled = (at: string) =>
  at.endsWith('.ts') ? { types: at.replace(/\.ts$/, '.d.ts'), default: toJavaScript(at) } : at

const toJavaScript = (at: string) => at.replace(/\.ts$/, '.js')
