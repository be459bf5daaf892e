/** The scenarios of lessons 20 and on: idempotence and transactions. */
import { testScenarios } from './runner/suite.ts'

testScenarios((file) => file >= '20' && file < 'a')
