// What `npm pack` in this folder says: TypeScript is not run from `node_modules`, so the package is built first.
console.error('The package is made in dist/: `npm run build && npm pack ./dist`.')
process.exit(1)
