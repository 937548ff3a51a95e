"""Words that people send back: does this message say stop, resume, help, or none of these?

A stop that is overheard harms a person, a stop that is invented silences somebody who likes the offers. So a message
counts when, without politeness, it *is* one of the known words or phrases, or when it plainly asks for an end in a
short sentence ("please stop sending me this"); a word that only occurs in it ("bus stop", "non-stop") does not count.

Sources: CTIA Messaging Principles (STOP, STOPALL, UNSUBSCRIBE, CANCEL, END, QUIT, START, UNSTOP, YES, HELP, INFO),
47 CFR 64.1200(a)(10) (adds REVOKE and OPT OUT), and the habit of each country's operators.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby
from typing import Literal

Meaning = Literal["stop", "resume", "help", "none"]

# A longer message is a conversation, for people to read.
MAX_WORDS = 12
MAX_LETTERS = 1_000


def classify(text: str, locale: str = "") -> Meaning:
    """Return what ``text`` asks for; "stop stop stop" is one stop, said with feeling. ``locale`` (``fr``, ``pt-BR``) only settles words that languages disagree about.

    Case, accents, punctuation, emoji and politeness do not matter. When a message says stop and something else, it
    says stop.
    """
    words = [word for word, _ in groupby(_words(text[:MAX_LETTERS]))]
    if not words or len(words) > MAX_WORDS:
        return "none"
    core = " ".join(_without_politeness(words))
    language = locale[:2].lower()
    if core in _STOP or core in _STOP_IN.get(language, ()):
        return "stop"
    if core in _RESUME or core in _RESUME_IN.get(language, ()):
        return "resume"
    if core in _HELP:
        return "help"
    sentence = " ".join(words)
    if _ASKS_FOR_AN_END.search(sentence) and not _ASKS_TO_GO_ON.search(sentence):
        return "stop"
    return "none"


def _words(text: str) -> list[str]:
    """Return plain lower-case words: no accents, punctuation or emoji; an apostrophe or hyphen inside a word joins it."""
    flat = unicodedata.normalize("NFKD", text.casefold()).translate(_SAME_LETTERS)
    letters = "".join(c for c in flat if not unicodedata.combining(c) or c in _KEPT_MARKS)
    joined = re.sub(r"(?<=\w)['\u2019\u2010\u2011-](?=\w)", "_", letters)
    # Not by \w: to Python's expressions an Indic vowel sign is no letter.
    return "".join(c if c in _KEPT_MARKS or c.isalnum() or c == "_" else " " for c in joined).split()


def _without_politeness(words: list[str]) -> list[str]:
    return [word for word in words if word not in _POLITE]


# Dotless i, long s and the like, which Unicode does not decompose; Arabic ya in one spelling; the signs that mean stop.
_SAME_LETTERS = str.maketrans(
    {"🛑": " stop ", "⛔": " stop ", "ı": "i", "ß": "ss", "ł": "l", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe", "ى": "ي"}
)
# Indic vowel signs and viramas carry meaning: they are marks, not accents.
_KEPT_MARKS = frozenset(chr(c) for c in range(0x0900, 0x0DFF) if unicodedata.category(chr(c)) in {"Mn", "Mc"})


def _phrases(text: str) -> frozenset[str]:
    """Return the phrases of a list in the spelling that messages are compared in."""
    return frozenset(" ".join(_words(phrase)) for phrase in text.split("|"))


_POLITE = _phrases(
    "please|pls|plz|thanks|thank|you|thx|ty|hi|hello|hey|dear|sir|madam|kindly|ok|okay|now|immediately|asap"
    "|svp|stp|s'il|vous|plait|plaît|te|merci|bonjour|bonsoir|salut|coucou|madame|monsieur|maintenant|immediatement"
    "|bitte|danke|hallo|sofort|por|favor|gracias|hola|ahora|per|favore|grazie|ciao|subito|obrigado|obrigada|ola"
    "|alsjeblieft|alstublieft|aub|bedankt|dank|prosze|dziekuje|lütfen|tesekkurler|пожалуйста|спасибо|tack|hej"
    "|تكرما|شكرا|رجاء|कृपया|धन्यवाद|ji|जी|お願いします|请|謝謝|谢谢"
)

_STOP = _phrases(
    # English
    "stop|stopp|stoped|stop all|stopall|stop it|stop this|unsubscribe|unsubscribe me|unsub|cancel|end|quit|revoke|opt out|opt-out|optout"
    "|remove me|take me off|no more|no more messages|no more offers|no more ads|leave me alone|stop messages|stop offers|stop ads"
    "|stop marketing|stop promotions|stop promos|unsubscribe from promos|stop sms|stop whatsapp"
    # French
    "|arret|arrêt|arreter|arrêter|arretez|arrête|arretes|arretez tout|desabonner|désabonnement|desabonnez moi|désabonnez-moi|desinscription"
    "|désinscrire|me desinscrire|me désabonner|desinscrivez-moi|stop pub|stop sms|stop publicite|stop pubs|stop offres|plus de pub"
    "|plus de publicite|plus de messages|plus d'offres|resilier|ca suffit|foutez-moi la paix|retirez-moi|je me desabonne|je me désinscris"
    # German
    "|stopp alle|abmelden|abbestellen|austragen|abmeldung|keine werbung|keine werbung mehr|keine nachrichten mehr|aufhören|aufhoeren|hör auf|beenden"
    # Spanish
    "|baja|darme de baja|dar de baja|dame de baja|parar|para|detener|alto|cancelar|basta|no mas|no más mensajes|no mas publicidad|eliminar|borrarme"
    # Italian
    "|basta|ferma|fermati|fermare|cancellami|cancellati|disiscrivimi|disiscriviti|annulla|rimuovimi|niente pubblicita|disdici|stop pubblicita"
    # Portuguese
    "|pare|sair|remover|descadastrar|descadastre|cancelar inscricao|nao quero mais|chega|remova-me|me remova|parem"
    # Dutch
    "|afmelden|uitschrijven|stoppen|geen reclame|geen reclame meer|opzeggen|meld me af"
    # Polish
    "|rezygnuje|wypisz|wypisz mnie|zatrzymaj|koniec|anuluj|nie chce"
    # Turkish
    "|dur|durdur|iptal|ret|red|çık|cikis|abonelikten çık|istemiyorum"
    # Swedish, Danish, Norwegian, Finnish
    "|avsluta|avregistrera|sluta|slut|afmeld|frameld|stopp meldinger|avslutt|meld av|lopeta|peru|peruuta"
    # Romanian, Czech, Hungarian, Greek
    "|dezabonare|opreste|oprire|zrusit|odhlasit|konec|leiratkozas|leállít|διακοπη|στοπ|τελος|διαγραφη"
    # Russian, Ukrainian
    "|стоп|отписка|отписаться|отпишите|отпишите меня|отмена|хватит|не пишите|не пишите мне|зупинити|відписатися|припиніть"
    # Arabic, Hebrew, Persian
    "|توقف|قف|ايقاف|إلغاء|الغاء|الغاء الاشتراك|اوقف|اوقفوا|ستوب|הסר|הסירו|הסר אותי|די|لغو|توقف کنید"
    # Hindi, Bengali, Urdu
    "|बंद|बंद करो|बंद करें|बन्द|रोको|रुको|रोकें|स्टॉप|बस करो|band karo|bandh karo|বন্ধ|বন্ধ করুন|بند کرو|بند کریں"
    # Indonesian, Malay, Vietnamese, Thai
    "|berhenti|hentikan|batal|keluar|henti|huy|dung lai|ngung|หยุด|ยกเลิก"
    # Chinese, Japanese, Korean
    "|退订|退訂|停止|取消|取消订阅|不要再发|配信停止|解除|停止して|停止してください|ストップ|수신거부|중지|그만|취소|스톱"
)
# Words that mean stop in one language and something else in another are heard in their own only. A plain "no" is none:
# it answers the offer, it does not end them.
_STOP_IN = {
    "fr": _phrases("assez|supprimer|supprimez-moi|fin"),
    "en": _phrases("enough|delete me"),
    "de": _phrases("ende|genug"),
    "es": _phrases("fin"),
    "it": _phrases("fine"),
    "pt": _phrases("fim|parar"),
    "nl": _phrases("einde"),
    "ru": _phrases("конец"),
}
_RESUME = _phrases(
    "start|unstop|restart|resume|subscribe|resubscribe|opt in|opt-in|optin|start again|sign me up"
    "|reprendre|reprise|redemarrer|réabonner|reabonnez-moi|s'abonner|abonnez-moi|inscription|recommencer"
    "|anmelden|abonnieren|fortsetzen|weiter|reanudar|alta|darme de alta|suscribir|suscribirme|empezar|iniciar"
    "|riprendi|riprendere|iscrivimi|iscriviti|inizia|retomar|voltar|inscrever|comecar|aanmelden|inschrijven|hervatten"
    "|wznow|zapisz|zapisz mnie|başla|baslat|devam|abone ol|börja|aloita|старт|начать|подписаться|подписка|возобновить"
    "|ابدا|ابدأ|اشتراك|استئناف|शुरू|शुरू करो|शुरू करें|shuru karo|mulai|lanjutkan|bat dau|เริ่ม|开始|開始|订阅|恢复|再開|시작|재개"
)
# "Yes" is missing on purpose: to lift a stop takes a word that can mean nothing else.
_RESUME_IN = {
    "en": _phrases("continue"),
    "fr": _phrases("continuer|reprenez"),
}
_HELP = _phrases(
    "help|help me|info|information|informations|support|aide|aidez-moi|a l'aide|hilfe|ayuda|aiuto|ajuda|hulp|pomoc|yardim|yardım|hjälp|hjælp|hjelp|apua"
    "|ajutor|βοηθεια|помощь|помогите|справка|مساعدة|مساعده|मदद|सहायता|madad|bantuan|tolong|giup|tro giup|ช่วยเหลือ|帮助|幫助|ヘルプ|도움말|도움|who is this|who are you"
    "|qui est-ce|qui etes-vous|wer ist das|quien es|chi sei|chi è"
)

# A plain request inside a short sentence. Words are compared without accents; hyphens and apostrophes are "_".
_ASKS_FOR_AN_END = re.compile(
    r"\b(?:"
    r"(?:please |pls )?stop (?:sending|messaging|texting|contacting|writing|bothering|spamming|these|the|all|your|this)\b"
    r"|unsubscribe me\b|(?:want|like) to (?:unsubscribe|opt out|be removed|stop (?:receiving|getting|these|this))\b"
    r"|(?:remove|delete|take) (?:me|my number) (?:from|off)\b|take my number off|remove my number\b"
    r"|(?:do not|don_t|dont|never) (?:send|text|message|contact|write)\b"
    r"|ne (?:m_envoyez|m_envoie|me contactez|m_ecrivez|me contacte|m_ecris|veux|souhaite|desire) (?:\w+ )*?plus\b"
    r"|(?:arretez|arrete|cessez|stopp?e[rz]|stop) (?:de m_|vos|ces|les|tout|de me|d_envoyer|avec)\w*"
    r"|(?:veux|souhaite|voudrais|desire|peux|puis_je|puis je) (?:me |etre )?(?:desabonner|desinscrire|desabonne\w*|desinscrit\w*|retire\w*)"
    r"|(?:keine|nie wieder) (?:weiteren |mehr )?(?:nachrichten|werbung|sms|angebote)\b|(?:hor|hort|horen sie) (?:bitte )?(?:auf|damit auf)\b"
    r"|(?:schicken|senden|schreiben) sie (?:mir )?(?:bitte )?(?:nichts|keine\w*)\b"
    r"|no (?:me )?(?:envien|envies|manden|mandes|escriban|escribas|contacten) mas\b|no quiero (?:recibir )?mas\b|dejen? de (?:enviar|mandar|escribir)\w*"
    r"|(?:smettetela|smettila|non mandatemi|non inviatemi|non scrivetemi|non voglio) (?:\w+ )*?(?:piu|di (?:mandar|scriver|inviar)\w*)"
    r"|(?:parem|pare) de (?:me )?(?:enviar|mandar)\b|nao (?:me )?(?:envie|envies|mande|mandem|enviem) mais\b|nao quero (?:mais )?receber\b"
    r"|(?:stuur|stuurt) (?:mij |me )?(?:geen|niets)\b|geen (?:berichten|reclame) meer\b"
    r")"
)
_ASKS_TO_GO_ON = re.compile(
    r"\b(?:(?:do not|don_t|dont|never|not|can_t|cant|won_t) (?:\w+ )?(?:stop|unsubscribe|remove|delete|cancel)\b|n_arretez|n_arrete|ne \w+ pas (?:\w+ )?(?:desabonner|arreter|desinscrire)"
    r"|ne (?:vous |t_)?\w* ?arret\w+ (?:pas|jamais|surtout)|stop (?:by|at|in|over|the (?:bus|car|train|clock))\b|why\b|how (?:do|can|to)\b.*\bstop the\b"
    r"|hor\w* (?:nicht|nie) auf|no dejen de|non smett\w+)"
)
