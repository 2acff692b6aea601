"""Work addresses pass; free and disposable ones do not, in any language, spelling or below any subdomain."""

import pytest
from babel import Locale

from guildhall.core.errors import Invalid
from guildhall.domain.partners.countries import CODES
from guildhall.domain.partners.email_policy import DISPOSABLE, MALFORMED, PUBLIC, kind_of, parse, refusal

FREE = """
gmail.com googlemail.com yahoo.com yahoo.es yahoo.fr yahoo.de yahoo.it yahoo.co.uk yahoo.co.jp yahoo.com.br
yahoo.com.mx yahoo.com.ar ymail.com rocketmail.com hotmail.com hotmail.es hotmail.fr hotmail.it hotmail.de
hotmail.co.uk outlook.com outlook.es outlook.fr outlook.de live.com live.fr live.nl live.com.mx msn.com aol.com
icloud.com me.com mac.com proton.me protonmail.com pm.me tutanota.com tutanota.de tuta.io tuta.com tutamail.com
hey.com mailbox.org fastmail.com fastmail.fm zoho.com hushmail.com web.de gmx.de gmx.net gmx.at gmx.ch gmx.com gmx.es
t-online.de freenet.de posteo.de arcor.de orange.fr wanadoo.fr laposte.net free.fr sfr.fr bbox.fr neuf.fr libero.it
virgilio.it tiscali.it alice.it terra.es telefonica.net terra.com.br uol.com.br bol.com.br ig.com.br sapo.pt
prodigy.net.mx fibertel.com.ar arnet.com.ar vtr.net correo.com qq.com 163.com 126.com sina.com foxmail.com naver.com
hanmail.net daum.net docomo.ne.jp mail.ru bk.ru list.ru inbox.ru yandex.ru yandex.com ya.ru rambler.ru ukr.net i.ua
abv.bg wp.pl o2.pl op.pl onet.pl interia.pl seznam.cz centrum.cz azet.sk zoznam.sk freemail.hu citromail.hu
rediffmail.com walla.com walla.co.il mynet.com skynet.be telenet.be ziggo.nl home.nl bluewin.ch hispeed.ch chello.at
online.no inbox.lv bigpond.com comcast.net verizon.net juno.com netzero.net frontier.com att.net sbcglobal.net cox.net
earthlink.net charter.net btinternet.com sky.com virginmedia.com ntlworld.com talktalk.net yahoo.ca yahoo.in
yahoo.com.au yahoo.com.sg hotmail.nl hotmail.se live.co.uk live.it mail.com email.com usa.com duck.com mozmail.com
privaterelay.appleid.com
"""
THROWAWAY = """
mailinator.com guerrillamail.com guerrillamail.de guerrillamail.net sharklasers.com grr.la 10minutemail.com
yopmail.com yopmail.fr temp-mail.org tempmail.dev trashmail.com trashmail.de wegwerfmail.de wegwerfmail.net
jetable.org jetable.com getnada.com dispostable.com mohmal.com maildrop.cc fakeinbox.com throwaway.email
correotemporal.org spamgourmet.com mailnesia.com mytemp.email emailondeck.com mailcatch.com tempinbox.com spam4.me
incognitomail.com anonbox.net discard.email mintemail.com tempr.email moakt.com mailinator.net mailinator.org
spamex.com trashmail.net trashmail.me yopmail.net mailforspam.com tempemail.net mailexpire.com inboxkitten.com
mailsac.com burnermail.io
"""
COMPANIES = """
northwind.example siemens.com telefonica.com orange.com deutschetelekom.com bbva.es mercadona.es petrobras.com.br
pemex.com ibm.com free-range-chickens.example gmail.company.example notgmail.com mygmx.example yahoo-inc.example
xn--mnchen-it-q9a.de empresa.com.mx cnt.gob.ec itb.ac.id ox.ac.uk nttdata.co.jp samsung.co.kr
"""
SPELLINGS = (str, str.upper, lambda domain: f"mail.{domain}", lambda domain: f"A.b.{domain}", str.title)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_two_hundred_free_and_disposable_domains_are_refused(spelling: object) -> None:
    listed = [*FREE.split(), *THROWAWAY.split()]
    passed = [domain for domain in listed if not kind_of(parse(f"ana@{spelling(domain)}").domain)]  # type: ignore[operator]
    assert passed == []
    assert len(set(listed)) >= 200


def test_what_looks_like_them_in_other_scripts_is_refused_too() -> None:
    for domain in ("ｇｍａｉｌ.com", "GMAIL。com", "yopmail．com"):
        assert kind_of(parse(f"ana@{domain}").domain), domain


def test_company_domains_pass_also_those_with_letters_of_their_own() -> None:
    assert [domain for domain in COMPANIES.split() if kind_of(domain)] == []
    assert parse("Ana.Ruiz@MÜNCHEN-IT.de").email == "ana.ruiz@xn--mnchen-it-q9a.de"


def test_each_refusal_says_why() -> None:
    assert refusal("disposable").errors["email"] == DISPOSABLE
    assert refusal("public").errors["email"] == PUBLIC
    for text in (
        "",
        "ana",
        "ana@",
        "@x.com",
        "ana@com",
        "a b@c.de",
        "ana@[10.0.0.1]",
        "x" * 300 + "@a.de",
        "a@b\x00.de",
    ):
        with pytest.raises(Invalid) as refused:
            parse(text)
        assert refused.value.errors["email"] == MALFORMED, text


def test_countries_are_those_of_iso_3166() -> None:
    made_up = {"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "XK", "ZZ"}
    known = {code for code in Locale("en").territories if len(code) == 2 and code.isalpha()}
    assert known - made_up == CODES
