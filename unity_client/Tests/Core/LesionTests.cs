using System.Collections.Generic;
using System.Text;
using Moulage.Core;
using NUnit.Framework;

namespace Moulage.Tests
{
    /// <summary>The lesions' document: read, compared, and never a reason to lose the link.</summary>
    [TestFixture]
    public sealed class LesionTests
    {
        static LesionSet Read(string text, out string fault) => LesionSet.Read(Encoding.UTF8.GetBytes(text), out fault);

        static string Document(params string[] lesions) =>
            "{\"schema\": \"moulage.lesions/1\", \"exam\": false, \"notice\": \"Synthetic.\", \"later\": [1, {\"x\": null}],"
            + "\"lesions\": [" + string.Join(",", lesions) + "]}";

        static string Item(string id, double mm) =>
            $"{{\"id\": \"{id}\", \"index\": 3, \"avatar\": \"anna\", \"material\": \"skin\", \"u\": 0.41, \"v\": 2.2e-1, "
            + $"\"body_part\": \"left-forearm\", \"diameter_mm\": {mm}, \"close_up\": \"close-up/{id}\", \"close_up_mm\": 13.2, "
            + "\"class\": \"melanoma\"}";

        [Test]
        public void EveryFieldIsRead()
        {
            string fault;
            var set = Read(Document(Item("a1", 6)), out fault);
            Assert.IsNull(fault);
            var lesion = set.Find("anna", "skin", 3);
            Assert.AreEqual("a1", lesion.Id);
            Assert.AreEqual("left-forearm", lesion.BodyPart);
            Assert.AreEqual(6, lesion.DiameterMm);
            Assert.AreEqual(0.22, lesion.V, 1e-12);
            Assert.AreEqual("close-up/a1", lesion.CloseUp);
            Assert.AreEqual("melanoma", lesion.Class);
            Assert.AreEqual("Synthetic.", set.Notice);
            Assert.IsNull(set.Find("anna", "eyes", 3));
        }

        [Test]
        public void AnExamHasNoClasses()
        {
            string fault;
            var text = "{\"schema\":\"moulage.lesions/1\",\"exam\":true,\"notice\":\"\",\"lesions\":[{\"id\":\"b\",\"index\":1}]}";
            var set = Read(text, out fault);
            Assert.IsTrue(set.IsExam);
            Assert.AreEqual("", set.Find("b").Class);
        }

        [Test]
        public void WhatAppearsChangesAndVanishesIsTold()
        {
            string fault;
            var before = Read(Document(Item("a", 6), Item("b", 4), Item("c", 5)), out fault);
            var after = Read(Document(Item("b", 4), Item("c", 9), Item("d", 2)), out fault);
            List<string> appeared = new List<string>(), changed = new List<string>(), vanished = new List<string>();
            after.Compare(before, l => appeared.Add(l.Id), l => changed.Add(l.Id), l => vanished.Add(l.Id));
            CollectionAssert.AreEqual(new[] { "d" }, appeared);
            CollectionAssert.AreEqual(new[] { "c" }, changed);
            CollectionAssert.AreEqual(new[] { "a" }, vanished);
        }

        [TestCase("[]")]
        [TestCase("{\"schema\":\"other/1\"}")]
        [TestCase("{\"schema\":\"moulage.lesions/1\",\"lesions\":[5]}")]
        [TestCase("{\"schema\":\"moulage.lesions/1\",\"lesions\":[{\"id\":\"\"}]}")]
        [TestCase("{\"schema\":\"moulage.lesions/1\",\"lesions\":[{\"id\":\"a\"},{\"id\":\"a\"}]}")]
        [TestCase("{\"schema\"")]
        [TestCase("{} {}")]
        [TestCase("{\"a\":\"\\u12")]
        public void AnotherDocumentGivesNoLesionsAndAReason(string text)
        {
            string fault;
            var set = Read(text, out fault);
            Assert.AreEqual(0, set.All.Count);
            StringAssert.Contains("not used", fault);
        }

        [Test]
        public void DeepNestingIsRefusedNotFollowed()
        {
            string fault;
            Read(new string('[', 100000), out fault);
            StringAssert.Contains("nested", fault);
        }
    }
}
