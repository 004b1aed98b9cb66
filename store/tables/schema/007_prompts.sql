-- What was sent, word for word, so that it can be read back. A unit brings each of its prompts once.
CREATE TABLE raw.prompts (unit_id VARCHAR, attempt INTEGER, prompt_hash VARCHAR, prompt JSON);

CREATE VIEW prompts AS
SELECT DISTINCT ON (r.prompt_hash)
       r.prompt_hash, r.prompt->'messages' AS messages, r.prompt->>'prefix' AS prefix, r.prompt->'schema' AS schema,
       r.prompt->>'chat_template' AS chat_template
FROM raw.prompts r JOIN raw.commits USING (unit_id, attempt) ORDER BY r.prompt_hash;

COMMENT ON TABLE raw.prompts IS 'What was sent to a model, by the hash of it';
COMMENT ON COLUMN raw.prompts.prompt IS 'As JSON: messages, each with its role and content, and what else was shown';
COMMENT ON VIEW prompts IS 'What was sent to a model, word for word: calls name it by its hash';
COMMENT ON COLUMN prompts.prompt_hash IS 'Hash of everything that the request showed to the model';
COMMENT ON COLUMN prompts.messages IS 'A JSON list of messages, each with its role and content';
COMMENT ON COLUMN prompts.prefix IS 'The half-written answer that the model was to go on from, or NULL';
COMMENT ON COLUMN prompts.schema IS 'The JSON schema that the answer was to follow, or NULL';
COMMENT ON COLUMN prompts.chat_template IS 'The chat template that made one text of it for raw completions, or NULL';
