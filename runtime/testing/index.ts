/** Local tests of a whole dataflow, with no broker and no cluster: `import { dataflow } from 'dyninka/testing'`. */
export { type Delivered, dataflow, type TestDataflow } from './dataflow.ts'
