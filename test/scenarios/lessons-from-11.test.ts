/** The scenarios of lessons 11 to 19, and of the anomalies. */
import { testScenarios } from './runner/suite.ts'

testScenarios((file) => (file >= '11' && file < '20') || file >= 'a')
