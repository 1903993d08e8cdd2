"""What generators say besides the texts that they were asked for: patterns by language. RE2, no named groups.

Each names a way of speaking to the person who asked, never a topic; a pattern that real rows hold as often is not
used (`hits.search`). `\\b` knows ASCII only, so that none stands beside an accented letter.
"""

_NOUNS_EN = (
    r"(?:examples?|samples?|sentences?|texts?|messages?|tweets?|reviews?|questions?|rows?|variations?|paraphrases?"
    r"|rephrasings?|requests?|queries|utterances?|posts?|comments?|statements?|lists?|versions?|entries|data ?points?"
    r"|complaints?|inquir(?:y|ies)|enquir(?:y|ies)|headlines?|descriptions?|prompts?|scenarios?|snippets?|outputs?)"
)
_ASKED_EN = r"(?:examples?|samples?|sentences?|texts?|tweets?|variations?|paraphrases?|data ?points?)"
_NUMBER_EN = r"(?:\d{1,4}|an?|some|several|a few|one|two|three|four|five|six|seven|eight|nine|ten|twenty|fifty|more)"
_I_AM = r"\bi(?:['’]m| am)"

TALK = {
    "en": (
        r"(?i)\b(?:as|being) an? (?:ai|a\.i\.|artificial intelligence|(?:ai |large )?language model)\b",
        rf"(?i){_I_AM} (?:just |only )?an? (?:ai|large language|language)\b(?: (?:model|assistant|chatbot)\b|[,.])",
        rf"(?i)^\W*(?:[\w' ]{{0,40}}[!,.:]\s+)?(?:here|below|following) (?:are|is|you have|you['’]ll find)"
        rf" (?:[\w'’/()-]+,? +){{0,8}}?{_NOUNS_EN}\b[^.!?\n]{{0,160}}(?::|\.?\s*$|\. )",
        r"(?i)^\W*(?:sure|certainly|of course|absolutely|understood|no problem)\b\s*(?:thing)?[!,.:]+\s*"
        r"(?:here|below|i(?:['’]ll| will| can|['’]ve| have))\b",
        rf"(?i)\bi hope (?:this|these|that|it|the) (?:\w+ ){{0,2}}?(?:helps?|{_NOUNS_EN})\b",
        rf"(?i)\blet me know if (?:you(?:['’]d| would)? (?:\w+ ){{1,4}}?(?:{_NUMBER_EN} )?(?:more|another|other|different"
        rf"|additional|further)(?: \w+){{0,2}}? (?:{_NOUNS_EN}|format|help|assistance)\b|you have any other questions)",
        r"(?i)\bfeel free to (?:ask|reach out|let me know)(?: \w+){0,3} (?:more|further|any|other)(?: \w+){0,2} "
        r"(?:examples|questions|help|assistance)\b",
        r"(?i)\bi(?:['’]m| am) (?:sorry|afraid)\b[^.!?\n]{0,40}\b(?:can(?:no|['’])t|unable to|not able to) "
        r"(?:assist|help you|help with|fulfil+|generate|provide|comply|create|write|produce|continue)\b",
        r"(?i)\bi can(?:no|['’])t (?:fulfil+|comply with|generate|create|write|produce|provide|assist with) "
        r"(?:this|that|your|such|content|explicit|hateful|offensive|harmful|any|examples?)\b",
        rf"(?i)\b(?:these|the (?:above|following|generated)|(?:each|all|h) of (?:these|the)(?: above)?) (?:\w+ ){{0,2}}?"
        rf"{_ASKED_EN} (?:are|were|is|have been|all|express\w*|describ\w*|convey\w*|should|aim\w*|reflect\w*|cover\w*"
        r"|demonstrat\w*|contain\w*|show\w*|capture|represent\w*|simply|mostly|do not|don['’]t)\b",
        r"(?i)\bapologi(?:[sz]e|es) for (?:the|any|my) (?:repetition|confusion|earlier|previous|oversight|mistake in)\b",
        rf"(?i)\bi(?:['’]ll| will|['’]ve| have) (?:now )?(?:generated?|rephrased?|rewrit(?:e|ten)|created?|produced?) "
        rf"(?:[\w'’-]+ ){{0,5}}?{_NOUNS_EN}\b",
        rf"(?i)\b(?:generate|rephrase|paraphrase|produce) (?:\w+ )?(?:{_NUMBER_EN}|this|the|these|new)\b(?: [\w-]+){{0,4}}? "
        rf"{_ASKED_EN}\b",
        r"(?i)\bwould you like me to (?:continue|generate|provide|write|create|produce|add|rephrase|make|give)\b",
        rf"(?i)\bthe {_NOUNS_EN} above (?:are|were|have been)\b",
        rf"(?i)\bi can (?:only |also )?(?:add|generate|provide|write|create|produce|give you) (?:[\w-]+ ){{0,4}}?"
        rf"(?:more|additional|another|further|limited|\d+) (?:[\w-]+ ){{0,3}}?(?:{_ASKED_EN}|categories|scenarios)\b",
        r"(?i)\byou are an? (?:helpful|friendly|harmless)(?:,? \w+){0,3} (?:assistant|model|ai)\b",
        r"(?i)\byou (?:will be|are|have been) given (?:an?|some|the|several|examples?|\d+)(?: \S+){0,4} "
        r"(?:examples?|classification|task|dataset|texts?|sentences?|label)\b",
        r"(?i)\b(?:cutting knowledge|knowledge cut-?off) date\b",
    ),
    "de": (
        r"(?i)\bals (?:eine? )?(?:ki\b|künstliche intelligenz|(?:großes |ki-)?sprachmodell)",
        r"(?i)^\W*(?:(?:natürlich|gerne?|klar|selbstverständlich|sicher)[!,.:]+\s*)?(?:hier|nachfolgend|im folgenden) "
        r"(?:sind|ist|finden sie|findest du|kommen|haben sie)\b[^.!?\n]{0,60}(?:beispiel|sätze|satz|texte?\b|nachricht"
        r"|anfrage|bewertung|variante|fragen|formulierung)",
        r"(?i)\bich hoffe,? (?:das|dies|diese \p{L}+|die \p{L}+) (?:hilft|helfen|entspr)",
        r"(?i)\b(?:wenn|falls) (?:sie|du) weitere (?:beispiele|sätze|texte|varianten)",
    ),
    "fr": (
        r"(?i)\ben tant qu(?:e |['’])(?:une? )?(?:ia\b|intelligence artificielle|modèle (?:de langage|linguistique))",
        r"(?i)^\W*(?:(?:bien sûr|certainement|d['’]accord)\s*[!,.:]+\s*)?voici (?:[^.!?\n]{0,60} )?(?:exemples?|phrases?"
        r"|textes?|messages?|avis|questions?|variantes?|tweets?|commentaires?)\b",
        r"(?i)\bj['’]espère que (?:cela|ça|ces (?:exemples|phrases|textes)) (?:vous )?(?:\p{L}+ )?(?:aide|convien|sera)",
        r"(?i)\bn['’]hésitez pas à (?:me )?demander (?:d['’]autres|plus d['’]) ?(?:exemples|phrases|variantes)",
    ),
    "es": (
        r"(?i)\bcomo (?:una? )?(?:ia\b|inteligencia artificial|(?:gran )?modelo de lenguaje)",
        r"(?i)^\W*(?:(?:claro|por supuesto|desde luego)[!,.:]+\s*)?[¡]?aquí (?:tienes?|están?|hay|van|te dejo)"
        r"[^.!?\n]{0,60} (?:ejemplos?|frases?|textos?|mensajes?|oraciones|reseñas?|preguntas?|tuits?|comentarios?)\b",
        r"(?i)\bespero que (?:esto|estos? \p{L}+|estas? \p{L}+|te|le)\b[^.!?\n]{0,20}\b(?:ayud|sirv|útil)",
    ),
    "it": (
        r"(?i)\b(?:come|in quanto) (?:un['’]? ?)?(?:ia\b|ai\b|intelligenza artificiale|modello linguistico)",
        r"(?i)^\W*(?:(?:certo|certamente|volentieri)[!,.:]+\s*)?ecco [^.!?\n]{0,60}\b(?:esemp|frasi|testi|messagg|recension"
        r"|domande|varianti)",
    ),
    "pt": (
        r"(?i)\bcomo (?:uma? )?(?:ia\b|inteligência artificial|modelo de linguagem)",
        r"(?i)^\W*(?:(?:claro|com certeza)[!,.:]+\s*)?aqui (?:estão|está|vão|tem)[^.!?\n]{0,60} (?:exemplos?|frases?"
        r"|textos?|mensagens|avaliações|perguntas)",
        r"(?i)\bespero que (?:isso|estes? \p{L}+|estas? \p{L}+)\b[^.!?\n]{0,20}\bajud",
    ),
    "nl": (
        r"(?i)\bals (?:een )?(?:ai\b|ai-|(?:groot )?taalmodel|kunstmatige intelligentie)",
        r"(?i)^\W*(?:(?:natuurlijk|zeker|uiteraard)[!,.:]+\s*)?hier (?:zijn|is|volgen|heb je) [^.!?\n]{0,60}"
        r"\b(?:voorbeeld|zinnen|teksten|berichten|vragen|recensies|varianten)",
    ),
    "pl": (
        r"(?i)\bjako (?:ai\b|sztuczna inteligencja|model językowy)",
        r"(?i)^\W*(?:(?:oczywiście|jasne)[!,.:]+\s*)?oto [^.!?\n]{0,60}(?:przykład|zdania|zdań|teksty|wiadomości)",
    ),
    "ru": (
        r"(?i)(?:^|[\s,.])как (?:ии|искусственный интеллект|(?:большая )?языковая модель)(?:$|[\s,.])",
        r"(?i)^[^\p{L}]*(?:конечно[!,.:]+\s*)?вот [^.!?\n]{0,60}(?:пример|предложени|текст|сообщени|отзыв|вариант)",
        r"(?i)(?:^|\s)надеюсь,? (?:это|эти \p{L}+) (?:вам )?помо",
    ),
    "zh": (
        r"作为(?:一个|一名|一款)?(?:大型)?(?:人工智能|AI|语言模型|大语言模型)",
        r"^[^\p{L}]*(?:当然|好的|没问题)?[,，!！。:：]?\s*(?:以下|这里|下面)(?:是|有|为)[^。\n]{0,30}"
        r"(?:例子|示例|句子|文本|评论|样本|消息|例句)",
        r"希望(?:这些|这|以上)[^。\n]{0,12}(?:有所?帮助|满足|符合)",
    ),
    "ja": (
        r"(?:AI|人工知能|大規模言語モデル|言語モデル)(?:アシスタント|言語モデル)?として",
        r"^[^\p{L}]*(?:もちろん|はい|承知)?[^。\n]{0,8}(?:以下は|以下に|こちらは|こちらが)[^。\n]{0,40}(?:例|文章|テキスト|メッセージ|レビュー)",
    ),
    "ko": (
        r"(?:AI|인공지능|언어 ?모델)(?: 언어 ?모델| 어시스턴트)?(?:로서|으로서)",
        r"^[^\p{L}]*(?:물론|네|알겠습니다)?[^.\n]{0,10}(?:다음은|아래는|여기)[^.\n]{0,40}(?:예시|예문|문장|텍스트|메시지|리뷰)",
    ),
}

_ROLES = (
    r"(?:human|user|assistant|system|ai assistant|model|chatbot|chatgpt|gpt-?[34]|instruction|response|output|input)"
)
TEMPLATE = (
    r"<\|[^|<>\n]{1,40}\|?>?",
    r"(?:^|[^\w|])\w{1,30}\|>",
    r"<<?/?SYS>?>|\[/?INST\]|</s>|<s>\s*\[",
    r"(?i)<?/?(?:start|tart|art|end|nd)_of_(?:turn|text|image)\|?>?",
    r"(?i)^\W{0,3}#{2,5}\s*(?:instruction|response|input|output|system|user|assistant|human|prompt|answer|example)s?\b:?",
    rf"(?i)(?:^|\n)[\s>*#\[(<\"-]{{0,4}}{_ROLES}[*\])>\"]{{0,3}}:\s",
    r"(?i)</?(?:think|thinking|answer|response|instructions?|texts?|examples?|output|input|system|user|assistant|prompt)>",
    r"^\s*```|```\s*$",
    r"""(?i)^\W{0,4}["'](?:text|sentence|tweet|review|message|content|example|output|label|utterance)["']\s*:""",
)

PLACEHOLDER = (
    r"(?i)\[(?:(?:your|insert|my|the|customer|company|product|first|last|full|brand|user|business|store|friend['’]?s?|city"
    r"|person['’]?s?|recipient['’]?s?|order|account|phone|event|restaurant|movie|book|team|airline|hotel|specific|relevant"
    r"|ihre?|votre|su|il tuo|nome|nom|nombre|dein) ?[\w '’/-]{0,30}|name|date|number|address|location|amount|link|url|time"
    r"|x{2,8})\]",
    r"\{\{ ?[A-Za-z_][\w .-]{0,30} ?\}\}|\{(?:[A-Za-z]+_[A-Za-z_]{1,30}|name|product|company|customer|date|number|text)\}",
    r"(?i)<(?:your|insert|customer|company|product|first|last|order|user) ?[_ -]?[\w -]{0,20}>",
)

LISTS = (
    r"(?s)(?:^|\s)\(?1[.):]\s.+?\s\(?2[.):]\s.+?\s\(?3[.):]\s",
    r"(?:(?:^|\n)[ \t]*(?:[-*•–]|\d{1,3}[.)])[ \t]+\S[^\n]*){3}",
)

_LIST_MARK = r"(?:\(?\d{1,3}[.):]|[-*•–—>])\s+"
MARKS = (
    rf"^\s*{_LIST_MARK}",
    r'^\s*["“„«](?:\s)?',
    r'\s*["”“»]\s*$',
)
