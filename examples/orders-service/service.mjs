/**
 * A service as one would write it for production: reads orders, writes an invoice for each. It knows kafkajs's API and
 * nothing of kafkarium.
 *
 * @param {{ kafka: import('kafkajs').Kafka, rates?: Record<string, number> }} dependencies
 */
export function createInvoicing({ kafka, rates = { KR: 0.1, DE: 0.19 } }) {
  const consumer = kafka.consumer({ groupId: 'invoicing' })
  const producer = kafka.producer()

  return {
    async start() {
      await producer.connect()
      await consumer.connect()
      await consumer.subscribe({ topics: ['orders'], fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ message }) => {
          const order = parse(message.value)
          if (order === null) {
            // A record nobody can read must not block the partition.
            await producer.send({ topic: 'orders.rejected', messages: [{ key: message.key, value: message.value }] })
            return
          }
          const total = Math.round(order.amount * (1 + (rates[order.country] ?? 0)))
          await producer.send({
            topic: 'invoices',
            messages: [{ key: order.id, value: JSON.stringify({ orderId: order.id, total }) }],
          })
        },
      })
    },
    async stop() {
      await consumer.disconnect()
      await producer.disconnect()
    },
  }
}

function parse(value) {
  try {
    const order = JSON.parse(value.toString())
    return typeof order.id === 'string' && typeof order.amount === 'number' ? order : null
  } catch {
    return null
  }
}
