/** The scenarios of lessons 11 and on, and of the anomalies. */
import { testScenarios } from './runner/suite.ts'

testScenarios((file) => file >= '11')
