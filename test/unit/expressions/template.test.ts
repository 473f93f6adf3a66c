import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseTemplate } from '../../../src/expressions/template.ts';

describe('a string with expressions', () => {
  it.each([
    ['plain', ['plain']],
    ['${{ a }}', [['a', 4]]],
    ['v${{a}}-${{ b }}', ['v', [['a', 4]][0], '-', ['b', 12]]],
    ['${{ {"a": {"b": 1}} }}', [['{"a": {"b": 1}}', 4]]],
    ['${{ "}}" + \'}}\' }}', [['"}}" + \'}}\'', 4]]],
    ['${{ "\\"}}" }}', [['"\\"}}"', 4]]],
    ['$ {{ a }}', ['$ {{ a }}']],
  ])('splits %j', (text, expected) => {
    const parts = parseTemplate(text).map((part) =>
      part.type === 'text' ? part.text : [part.source, part.offset],
    );

    expect(parts).toEqual(expected);
  });

  it.each([
    ['${{ a', 'is not closed'],
    ['${{ }}', 'is empty'],
    ['${{ "a }}', 'is not closed'],
  ])('refuses %j', (text, message) => {
    expect(() => parseTemplate(text)).toThrow(message);
  });

  it('loses no character', () => {
    const pieces = fc.array(fc.oneof(fc.constantFrom('${{ a }}', '${{b}}', '$', '{{', '}}'), fc.string()));
    fc.assert(
      fc.property(pieces, (all) => {
        const text = all.join('');
        let parts;
        try {
          parts = parseTemplate(text);
        } catch {
          return; // not closed
        }
        for (const part of parts) {
          if (part.type === 'expression')
            expect(text.slice(part.offset, part.offset + part.source.length)).toBe(part.source);
          else expect(text).toContain(part.text);
        }
      }),
    );
  });
});
