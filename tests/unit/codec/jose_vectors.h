// jose_vectors: signatures that others made. npm jose 6.2.18 (generateKeyPair, CompactSign) for every algorithm,
// OpenSSL by node's crypto for what jose refuses to make; the examples of RFC 7515 A.2 and A.3, RFC 7520 §4, RFC 8037 A.4.
#pragma once

#include <string_view>

namespace introspectd::codec {

// Public keys, each with its kid.
inline constexpr std::string_view kRsaJwk =
    R"({"kid":"rsa","kty":"RSA","n":"wM6bJEbH6AliJIUbm2tpLp5yYa5krfXLt4W0OkyS50xxuBhRVwk6jPhEuMsGL1knM53BcL)"
    R"(Ej7lG2ErTdFamQjqmjU_oV73-8_yskXLJWVJFwUNUMtUoFs9pWIURQzNaj_6UDX-cBx9elyGL7_xEh-dHRBI-TtTOlCgce1M6aCA)"
    R"(yjQm4hkYlxq0jVvqbOsEtVsWtXaG4uWThBDV1_wumH21Y_0f8MM2-Z8NWjZFrULT78WwDya3RF6WFvjcmc7A1Xn7CficbOyr4Cv8)"
    R"(JBlKTmw91qe96Tig-9wtWYvfNSst3IM_uZAwp8JTV6n9D_cUvmKGA8qqfiHm2c338yukrI5w","e":"AQAB"})";
inline constexpr std::string_view kP256Jwk =
    R"({"kid":"p256","kty":"EC","x":"9iEouulQrbMoKiGADwNNlx1TAs26JU4a6OcdlizBDaY","y":"PCURKeB7IacXQ3oPoIhV)"
    R"(-cCeluTf8CKu-zsHHk8mcm0","crv":"P-256"})";
inline constexpr std::string_view kP384Jwk =
    R"({"kid":"p384","kty":"EC","x":"Ym4IURTBV9aw3WiE5UcDk7urumPFHavLvXFGE_21JUaLMHT0YMp-fotAiiFBKnpn","y":)"
    R"("5P0O1VYMrFr2qC_EX6Adn4yiLfco3epSWwDgJAKBczs5v3IQUo41YDy644BqN2dk","crv":"P-384"})";
inline constexpr std::string_view kP521Jwk =
    R"({"kid":"p521","kty":"EC","x":"AC6ZWUpCb8c4YtPcYlkrWSp81YfZhtNqA2bHlvleBDiDKzaQYJlmUB5WtwG0MiKcUIvrIZ)"
    R"(4X6DNLTRWccomt9T-9","y":"AFbAZcGequRP4IiLVTsmEIQSHSxPcq3Kb1cy6PsWkHfbMPE0DfkekoKfe3_MD2l_69AGADUwNsJ)"
    R"(h7AarevRvEBCh","crv":"P-521"})";
inline constexpr std::string_view kEd25519Jwk =
    R"({"kid":"ed","crv":"Ed25519","x":"QR-qBZ9ZUUR1_35SdRsSxvCaUy8sccDZ_MSyJHgIyW4","kty":"OKP"})";
inline constexpr std::string_view kOtherRsaJwk =
    R"({"kid":"pss20","kty":"RSA","n":"5x37zL1nOtbWVmzJqTvLi-bbbFOAuL3nZ5ClWEdpT49he2U8bsEmNjpgoAeo4yZfH4g3)"
    R"(npvaajexkVSqo1lfzMKhoNFayBY-nPhCCmsIPWTxY-758Oa_IFJIYWkZujzaNbYiw5j7XnZbAStrwtqIkETIW5J1EVNmWQMj6MIB)"
    R"(k9qt1I1KJLlh7h3kR5Zg5ZY42oRXS-PVR9YRYtpmeHtAZ6HZ0KUp8acQIGMACUkpCg_8prgaPKUG1E4q2Htd474NS4tz63kX0l9i)"
    R"(MEInuIm4eXPeEnx2gFjylhYclDvO5N9RmduA1G8nXVQugkrRMlF0-6FlK7vyCuML5NFFpoiHlQ","e":"AQAB"})";

// The payload {"jti":"1"}, signed by the key of the kid that the header names.
inline constexpr std::string_view kRs256 =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJqdGkiOiIxIn0.k-4fMxUJeOUDpq3OuLQDYh30vgELh39w3l3AbJaClNcGdYT"
    "lq17pJbA__1jJ0IpWtnoXd9mqifq9_deedYGhYCDQPnuDp8cLG93mLq6cHw400rylVgsmsUCO2a5AuZW1wQn9UNo39fE3CMubdsw"
    "4M2G5pOirfQLYbaNOS48YSBcWTfw0e7G9PCfquiOASzrNBTYBXg46uQfl-kczSkW1JfAIJOA9c_TaLixh-q4uux32XlZ9-hVvQla"
    "X94nV1mr7XZtPNb2OjgGsKN5NMGg8RlfYJiyqlNvqDY1Xdv1luL5o9KvMLnRkKSC8QFbEY3dWEviu7dLaW3oa0TdcWS5awA";
inline constexpr std::string_view kRs384 =
    "eyJhbGciOiJSUzM4NCIsImtpZCI6InJzYSJ9.eyJqdGkiOiIxIn0.YhxA4A_nRmH6Vo7hsiiIRgZBJ8K6TFOh3bJFedpQEvaM7UR"
    "qf13OYAuvFG21dGd1AIHUy6BJ0ssrjiHbv_o-JclcQrVbrugn_qnCczypAZOODzjJavu9SHaUuOHMWadSN8z83803_y2iMjilGv7"
    "S4AUC4PehKZ7LMZHASOky0-jHJaVesEbWcvYCjBKp7Tmlnm_Wcbncw1FD9hDQ2t9HtD_GjBJyvTVdNkWrjnbPSB9UZmNC8sBzU1J"
    "1Cy2BE-GzT1AeSXVL7UdHcLFCwgZhF6Ps2VBFni9SjyljZfrLf9BD6GqkxqZYOjv16NUFP0AztYjJaq4ZPdUDQgFGEJEw-g";
inline constexpr std::string_view kRs512 =
    "eyJhbGciOiJSUzUxMiIsImtpZCI6InJzYSJ9.eyJqdGkiOiIxIn0.IVJtIACY-GJMhsEGsQKSK7JlQxvs77-C6Ty56QtBikkqeEm"
    "r8SKapTJPJDu-Q-E7KyOEifbu_fl8KWtJI_w9GC64FueomusDwlSdxWCEKjR_z4zolrruYpx-P0lCwzKgXP04eRc5YxF-LH9uQT4"
    "bitsUszFcCiw0CfWiFA4-3a4ZavvkwnBpPNN4uDlQePRBvFHpBs-JqqhyVcM3_xG-qGND0WiPMV8blkdU3amfMMlY03WWfpkxiWZ"
    "ewnxY4XORCUi0S7VUIqlEDOcduzgGHzvIbMXvWwJCZTm27PvsjZRzU04wrvcWQbNdDFkx2FYvjPjkYHJ6VWRhCHUHLb3gNw";
inline constexpr std::string_view kPs256 =
    "eyJhbGciOiJQUzI1NiIsImtpZCI6InJzYSJ9.eyJqdGkiOiIxIn0.Z1E_ggjpnaGCV97ul0meXC0p8raEDmHT9zMqc30i-OJvT4H"
    "aHqAlL0MQqtDG2oxcmSBz8onAH-EZLYNaHAfoClWeYLEfW2bRPsur0Ccg6kCAbwGyNJQtFz6AGhS25u5ViKZUnDwpfVp6-asFJ64"
    "Bpx4CSW6awDeGeDOglsfhRA79qANHYo56cocmHsi9kxm6pV3NMa_rD8EdDLmF45ts8PEXhKmzUEUrYYdEDfphjGagBINwSZSkyDA"
    "tw7tZGwu1EEaFb7_B_ZUkAzchiewwh0lT-gRl9n8DSp9HfvoJXGRaqy59chW1pZKSLAKepScNYUhCTkr_onWObaAVo3d7ag";
inline constexpr std::string_view kPs384 =
    "eyJhbGciOiJQUzM4NCIsImtpZCI6InJzYSJ9.eyJqdGkiOiIxIn0.afWPpz0j9o62CgX-kowEtFhF285yCCABy-BT1ulcdX08Sss"
    "Q2d5tocaF9XcPRdGjkbLxyevm3glWEC5Gn-TpeINDEL6GQy39xrK2vyDHai0i4WGVJ4NNHLldmMxNjLKf1soqAMozrj0mINpHjAU"
    "vRHkIjX7NPuWQO-Hhc1W6Rr5Ig6aOoZ9IsbjAX17J7bPnuqZlzJ6DOS_LIWWwNUU6XZP_rbs2nZT_Pcrs6cKW5C4t7joLY0rxll_"
    "oOM6QloPr3cR-0PnvWfOendtEKtSFPMd4PANVurNk4Wd02MRqTFkBvTtBdHEsYrJRb3sW1WJU4Nhg_SLya7Pc2Qyql0w_Zw";
inline constexpr std::string_view kPs512 =
    "eyJhbGciOiJQUzUxMiIsImtpZCI6InJzYSJ9.eyJqdGkiOiIxIn0.mT3WYG2nNCy7l-lM24OUD0FAxR9cqiLULDMbmGiQpBlNakP"
    "D2OkWNRTlgh578Is1HAOOmkZNVCb74cJ0C_2vw7a83o6W37pG8S6SkjSa_bJLtinRy1EDZhPHPnAagWcQ0HFtmmMDde-fyMHfCok"
    "cIu-PH3IclHuWFfUZ5lB_Du8Ql6euImkVmPCxfnOaafbh_a5oXdAAzglf1zmHvfTs-b15MZpnEcF9VX2usaCvHkpYE0hoKW0Z9xC"
    "MXR_o5XD_g-nGEvNrxO913RGZdOTw-V0UhhD9bgwzi-j_yypi6Tl_EtY4wS2lON7sg6UOAUM255aToZZJJnKf3uktCRuQ1A";
inline constexpr std::string_view kEs256 =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYifQ.eyJqdGkiOiIxIn0.lBPZLv99jZhjmfLZNhmdoXW-ZpFDsD_Q1aK2TW1qHz11N"
    "xl6vbEwSRahBFJc5-rr53E3TQHT9zkrZgnbUPL1rA";
inline constexpr std::string_view kEs384 =
    "eyJhbGciOiJFUzM4NCIsImtpZCI6InAzODQifQ.eyJqdGkiOiIxIn0.WMNRMBfFZV3TwsceFf7dPX1-lYwIr3qkmPVvo43dbgVsS"
    "Wd5tLoySXD3dD4vICMwQUKf0t_QNRwJY6cqJ82ElBDiXIgNuku1jJqfeCPR2KaH2MW9QUB6Xpu-MMoEauvF";
inline constexpr std::string_view kEs512 =
    "eyJhbGciOiJFUzUxMiIsImtpZCI6InA1MjEifQ.eyJqdGkiOiIxIn0.ALG4rSNx6xkE76jxv7yWUwmZXGaeMwNm2y3NI_VP4ee9N"
    "1F6wS3l3HAkQBc8_C-LttN517D2qoqvbfFOcq9iXCWGANP2w1sWjesHYU5OvJH63usWqf31onTm1t7Y2UxBdLyt5xwEixP63PJfD"
    "1bsYvL4mAEirT79Gp7YKmdVxPbjDiG6";
inline constexpr std::string_view kEdDsa =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIn0.eyJqdGkiOiIxIn0.uZlIWniKjhWgb-NfIJ95NfUleDT0Zl34fIGTTrSpcoCuIIkE"
    "X747fZLt3QtFBYEmahIFT1SEGCO4Gs_s44lzCg";
inline constexpr std::string_view kEd25519 =
    "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoiZWQifQ.eyJqdGkiOiIxIn0.Lb9McipTfXiOrqbLVXCFrFWDbW7jKi49-Mgqi0cjGoffa"
    "VZZtRVRqVhK6aOeXwsDJJIcT3YLFPOth_QzH882AA";

// By the P-256 key: without kid, with a typ, of no payload.
inline constexpr std::string_view kEs256WithoutKid =
    "eyJhbGciOiJFUzI1NiJ9.eyJqdGkiOiIxIn0.YCt2Vu3gYs9-D-pPht75SjBN2d829-hVS7V-573G8DvRPoPnwALX3Y4BlGp7Vrb"
    "BN1SqrlsfwvvtuiUqFh1fgw";
inline constexpr std::string_view kSecurityEventType =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYiLCJ0eXAiOiJzZWNldmVudCtqd3QifQ.eyJqdGkiOiIxIn0.yamR3nqRwEllRhoTS"
    "VJKvrNREuO6EM0uGpFOrW_IMjKVBWghN_8wz8qDGETshijpnJIoU0VyeAaYm3trFL6i8w";
inline constexpr std::string_view kEmptyPayload =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYifQ..aX4Lr6ZqOHg4mjZOLhkne9c8R6aNjLagib6KVL8KMirDtuR23Qgq0z7rLjld"
    "kv4lTeTsrzUS_0yTq904YsIIhg";

// crit names x, and the signature is right.
inline constexpr std::string_view kCriticalX =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYiLCJjcml0IjpbIngiXSwieCI6MX0.eyJqdGkiOiIxIn0.8Sch8Yk9RVtWtpb1kxdB"
    "SHXxI8ruN0Lz_Ad-l2J7oJMDpT61EwtCnCXf2pnYZpWARAnpoYG-wEzUWxHpoJFmmQ";

// Signed by a key of its own that the header brings as jwk, with a jku and the kid of ours.
inline constexpr std::string_view kEmbeddedKey =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYiLCJqd2siOnsia3R5IjoiRUMiLCJ4IjoiVFl0cGNfM2sxaWM2SjlOTUhLSkRWY1da"
    "a3dxNF9yM0hlN1h1amhpZTNBNCIsInkiOiJrVnExMmZJTllLb21lSUh3MmlEX0lMclBLZEotMUxpMExhSl9yWmhHMElNIiwiY3J2"
    "IjoiUC0yNTYifSwiamt1IjoiaHR0cHM6Ly9ldmlsLmV4YW1wbGUvandrcyJ9.eyJqdGkiOiIxIn0.OewCIxw28_yqcB-MKsQJGlZ"
    "B1-noiiWPN24rx6HS7sUVTmE2on2sinNYjLOJjy7nxuvRESfWgsGbZOL_JFvwuA";

// HMAC with the PEM of our RSA key (RFC 8725 §2.1).
inline constexpr std::string_view kHs256ByRsaPublicKey =
    "eyJhbGciOiJIUzI1NiIsImtpZCI6InJzYSJ9.eyJqdGkiOiIxIn0.ZLc6kppeY6_E4EnfM7WGTbkg17JXnEDy7Eytv1vH89s";

// By the other RSA key: a salt of 20 bytes, and one of 32.
inline constexpr std::string_view kPs256Salt20 =
    "eyJhbGciOiJQUzI1NiIsImtpZCI6InBzczIwIn0.eyJqdGkiOiIxIn0.iP-0NSewaiE_ALBm8e-fLkyXTJ-KAlcaCj1iuIGgJ9y_"
    "mWXCzKWGAX9XQFJ7-IZ8znmlxjLhpKxsetL5c_JNomGc16fZFG1aD-2iH24A5Qff5t1KZKY_1wOcuE94YN7Q9kcnHso91KdqT7qA"
    "yBI4Xq4G3hKJvrUxUraVvXfwyT_71fELmC_Hx7Q0AYfAo_yRlRRaRVaVx-shS3iGXCEJ6VuAY9H8RvvRXsQGFkYGFydtFhabY5sh"
    "sUHigIz3OTSuZCWT2IcKuoD7LTDv2S4rwBwwT70o_4sJSTM-E1emoWqGDkcSRSsfYuZrZk7LZ5Ti5HhMxuqBFi9mKD0xEHZBfA";
inline constexpr std::string_view kPs256Salt32 =
    "eyJhbGciOiJQUzI1NiIsImtpZCI6InBzczIwIn0.eyJqdGkiOiIxIn0.5PetQtED8Swwi1B8fIjF3fWe7dZvU0Tcld8m1g0rCgfu"
    "OeZDebe82msgp1aSUThI3B0rSvaWe_48a_U-jVILA1F82Xm54W_8HXh99XMWs-TfKSpVZ8VOjmmay8cld-jZ8qM2GugmxzmmixvJ"
    "gYO_YbpmmcOG4g6t7b9vTajGtOTTio1FwUX53u7LRZa6zZ7kl5FYoYeqXo7qmj4PQTzrVAwGIVdZZdpl3Kf091wS8ycwgGDgvPoN"
    "ZghKnzg_pX03q-yZqeRyZmHzVJ0zvOIaJ0ilXTUMdSHaULRmKTbfV5ZNXIbhE_CwgotiCF7c2KrptngwgpNn6Mw0xfrLhbI2mw";

// S + L in the place of S (RFC 8032 §5.1.7).
inline constexpr std::string_view kEdDsaMalleated =
    "eyJhbGciOiJFZERTQSIsImtpZCI6ImVkIn0.eyJqdGkiOiIxIn0.uZlIWniKjhWgb-NfIJ95NfUleDT0Zl34fIGTTrSpcoCb9H5h"
    "eSFO1WiK1a4j_187ahIFT1SEGCO4Gs_s44lzGg";

// The right signature, as DER.
inline constexpr std::string_view kEs256Der =
    "eyJhbGciOiJFUzI1NiIsImtpZCI6InAyNTYifQ.eyJqdGkiOiIxIn0.MEUCIQCUE9ku_32NmGOZ8tk2GZ2hdb5mkUOwP9DVorZNb"
    "WofPQIgdTcZer2xMEkWoQRSXOfq6-dxN00B0_c5K2YJ21Dy9aw";

// A private JWK.
inline constexpr std::string_view kPrivateP256Jwk =
    R"({"kid":"p256","kty":"EC","x":"9iEouulQrbMoKiGADwNNlx1TAs26JU4a6OcdlizBDaY","y":"PCURKeB7IacXQ3oPoIhV)"
    R"(-cCeluTf8CKu-zsHHk8mcm0","crv":"P-256","d":"-9OobWBa3HaktFi_h8IYFksmhfRJuY9gvs2ngr-tDds"})";

// RFC 7515 A.2 and A.3.
inline constexpr std::string_view kRfc7515A2Jwk =
    R"({"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPM)"
    R"(EzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5)"
    R"(rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-D)"
    R"(WNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"})";
inline constexpr std::string_view kRfc7515A2 =
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19"
    "yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt"
    "_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb"
    "1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI"
    "8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
inline constexpr std::string_view kRfc7515A3Jwk =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue6)"
    R"(59LNpXW6pCyStikYjKIWI5a0"})";
inline constexpr std::string_view kRfc7515A3 =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19"
    "yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU"
    "1Q";

// RFC 7520 §4.1 to §4.4; the payload is the same in all.
inline constexpr std::string_view kRfc7520RsaJwk =
    R"({"kty":"RSA","kid":"bilbo.baggins@hobbiton.example","use":"sig","n":"n4EPtAOCc9AlkeQHPzHStgAbgs7bTZL)"
    R"(wUBZdR8_KuKPEHLd4rHVTeT-O-XV2jRojdNhxJWTDvNd7nqQ0VEiZQHz_AJmSCpMaJMRBSFKrKb2wqVwGU_NsYOYL-QtiWN2lbzc)"
    R"(Ee6XC0dApr5ydQLrHqkHHig3RBordaZ6Aj-oBHqFEHYpPe7Tpe-OfVfHd1E6cS6M1FZcD1NNLYD5lFHpPI9bTwJlsde3uhGqC0ZC)"
    R"(uEHg8lhzwOHrtIQbS0FVbb9k3-tVTU4fg_3L_vniUFAKwuCLqKnS2BYwdq_mzSnbLY7h_qixoR7jig3__kRhuaxwUkRz5iaiQkqg)"
    R"(c5gHdrNP5zw","e":"AQAB"})";
inline constexpr std::string_view kRfc7520EcJwk =
    R"({"kty":"EC","kid":"bilbo.baggins@hobbiton.example","use":"sig","crv":"P-521","x":"AHKZLLOsCOzz5cY97e)"
    R"(wNUajB957y-C-U88c3v13nmGZx6sYl_oJXu9A5RkTKqjqvjyekWF-7ytDyRXYgCF5cj0Kt","y":"AdymlHvOiLxXkEhayXQnNCv)"
    R"(DX4h9htZaCJN34kfmC6pV5OhQHiraVySsUdaQkAgDPrwQrJmbnX9cwlGfP-HqHZR1"})";
inline constexpr std::string_view kRfc7520Rs256 =
    "eyJhbGciOiJSUzI1NiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ"
    "1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24"
    "ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.MRj"
    "dkly7_-oTPTS3AXP41iQIGKa80A0ZmTuV5MEaHoxnW2e5CZ5NlKtainoFmKZopdHM1O2U4mwzJdQx996ivp83xuglII7PNDi84wn"
    "B-BDkoBwA78185hX-Es4JIwmDLJK3lfWRa-XtL0RnltuYv746iYTh_qHRD68BNt1uSNCrUCTJDt5aAE6x8wW1Kt9eRo4QPocSadn"
    "HXFxnt8Is9UzpERV0ePPQdLuW3IS_de3xyIrDaLGdjluPxUAhb6L2aXic1U12podGU0KLUQSE_oI-ZnmKJ3F4uOZDnd6QZWJushZ"
    "41Axf_fcIe8u9ipH84ogoree7vjbU5y18kDquDg";
inline constexpr std::string_view kRfc7520Ps384 =
    "eyJhbGciOiJQUzM4NCIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ"
    "1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24"
    "ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.cu2"
    "2eBqkYDKgIlTpzDXGvaFfz6WGoz7fUDcfT0kkOy42miAh2qyBzk1xEsnk2IpN6-tPid6VrklHkqsGqDqHCdP6O8TTB5dDDItllVo"
    "6_1OLPpcbUrhiUSMxbbXUvdvWXzg-UD8biiReQFlfz28zGWVsdiNAUf8ZnyPEgVFn442ZdNqiVJRmBqrYRXe8P_ijQ7p8Vdz0TTr"
    "xUeT3lm8d9shnr2lfJT8ImUjvAA2Xez2Mlp8cBE5awDzT0qI0n6uiP1aCN_2_jLAeQTlqRHtfa64QQSUmFAAjVKPbByi7xho0uTO"
    "cbH510a6GYmJUAfmWjwZ6oD4ifKo8DYM-X72Eaw";
inline constexpr std::string_view kRfc7520Es512 =
    "eyJhbGciOiJFUzUxMiIsImtpZCI6ImJpbGJvLmJhZ2dpbnNAaG9iYml0b24uZXhhbXBsZSJ9.SXTigJlzIGEgZGFuZ2Vyb3VzIGJ"
    "1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHlvdSBkb24"
    "ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB0by4.AE_"
    "R_YZCChjn4791jSQCrdPZCNYqHXCTZH0-JZGYNlaAjP2kqaluUIIUnC9qvbu9Plon7KRTzoNEuT4Va2cmL1eJAQy3mtPBu_u_sDD"
    "yYjnAMDxXPn7XrT0lw-kvAD890jl8e2puQens_IEKBpHABlsbEPX6sFY8OcGDqoRuBomu9xQ2";
inline constexpr std::string_view kRfc7520Hs256 =
    "eyJhbGciOiJIUzI1NiIsImtpZCI6IjAxOGMwYWU1LTRkOWItNDcxYi1iZmQ2LWVlZjMxNGJjNzAzNyJ9.SXTigJlzIGEgZGFuZ2V"
    "yb3VzIGJ1c2luZXNzLCBGcm9kbywgZ29pbmcgb3V0IHlvdXIgZG9vci4gWW91IHN0ZXAgb250byB0aGUgcm9hZCwgYW5kIGlmIHl"
    "vdSBkb24ndCBrZWVwIHlvdXIgZmVldCwgdGhlcmXigJlzIG5vIGtub3dpbmcgd2hlcmUgeW91IG1pZ2h0IGJlIHN3ZXB0IG9mZiB"
    "0by4.s0h6KThzkfBBBkLspW1h84VsJZFTsPPqMDA7g1Md7p0";

// RFC 8037 A.2 and A.4.
inline constexpr std::string_view kRfc8037Jwk =
    R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})";
inline constexpr std::string_view kRfc8037A4 =
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6"
    "dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

}  // namespace introspectd::codec
