/**
 * kafkarium: a whole Kafka cluster inside one JavaScript process. This file puts cluster and client together; everything
 * below it runs in any ES2022 host.
 */
export {}
