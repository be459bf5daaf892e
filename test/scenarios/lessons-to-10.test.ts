/** The scenarios of lessons 4 to 10. Two files of tests, so that they run side by side. */
import { testScenarios } from './runner/suite.ts'

testScenarios((file) => file < '11')
