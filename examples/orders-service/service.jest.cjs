// The same service under jest, CommonJS. Run it:
// NODE_OPTIONS=--experimental-vm-modules npx jest --rootDir examples/orders-service --testMatch '**/*.jest.cjs'
const { createCluster } = require('kafkarium')

let cluster
let createInvoicing

beforeAll(async () => {
  ;({ createInvoicing } = await import('./service.mjs'))
})
beforeEach(() => {
  cluster = createCluster({ brokers: 3, topics: { orders: 3, invoices: 3, 'orders.rejected': 1 } })
})
afterEach(() => cluster.dispose())

test('an order becomes an invoice with tax', async () => {
  const service = createInvoicing({ kafka: cluster.kafka() })
  await service.start()
  await cluster.produce('orders', [{ key: 'o-1', value: '{"id":"o-1","amount":1000,"country":"KR"}' }])

  const invoice = await cluster.topic('invoices').next()
  expect(invoice).toMatchObject({ key: 'o-1', value: '{"orderId":"o-1","total":1100}' })
  await service.stop()
})

test('when one instance dies the other one takes over: every order has its invoice', async () => {
  const instances = ['invoicing-1', 'invoicing-2'].map((name) =>
    cluster.process(name, async ({ kafka }) => createInvoicing({ kafka }).start()),
  )
  await cluster.group('invoicing').stable({ members: 2 })
  const ids = Array.from({ length: 30 }, (_, i) => `o-${i}`)
  const orders = ids.map((id) => ({ key: id, value: JSON.stringify({ id, amount: 100, country: 'DE' }) }))
  await cluster.produce('orders', orders.slice(0, 15))
  instances[0].crash()
  await cluster.produce('orders', orders.slice(15))

  const invoiced = () =>
    new Set(
      cluster
        .topic('invoices')
        .records()
        .map(({ key }) => key),
    )
  await cluster.until(() => invoiced().size === ids.length)
  expect([...invoiced()].sort()).toEqual([...ids].sort())
})
