/** A field of a type of the API. */
export interface ModelField {
  name: string;
  /** `string`, `number`, `boolean`, `Date`, `IntOrString`, `any`, a model, `Array<T>` or `{ [key: string]: T; }`. */
  type: string;
  /** `int32`, `int64`, `double`, `byte`, `date-time`, `quantity`, … or empty. */
  format: string;
}
